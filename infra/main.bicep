// The partner-tenant service in one resource group. docs/deployment.md goes through it step by step.

@description('Distinguishes deployments; part of every name.')
@allowed(['dev', 'prod'])
param environmentName string

@description('Azure region; Flex Consumption must be offered there.')
param location string = resourceGroup().location

@description('Client ID of the API registration: the audience of staff tokens.')
param apiAudience string

@description('Signs page tokens. Each deployment creates a new one, so a client that is paging through a list must start again.')
@secure()
// checkov:skip=CKV_AZURE_131: a new GUID with each deployment, which is stored nowhere.
param pageTokenKey string = newGuid()

@description('Origin of the portal, without a path: it may call the API, and consent redirects to it.')
param portalOrigin string

@description('Base address of this API for Entra redirects; empty for the address that Azure assigns.')
param redirectBase string = ''

@description('E-mail address that receives alerts.')
param alertEmail string

@description('The seller on invoices. Without SELLER_ABN no invoices are issued.')
param seller object = {
  SELLER_NAME: 'Manage365 Pty Ltd'
  SELLER_ABN: ''
  SELLER_ADDRESS: ''
  PAYMENT_DETAILS: ''
}

@description('Azure Communication Services resource in this resource group; if empty, billing e-mails go to the log.')
param communicationServiceName string = ''

@description('The sender address of billing e-mails, in a domain that is verified with that resource.')
param emailSender string = ''

@description('NCRONTAB, UTC.')
param schedules object = {
  SYNC_SCHEDULE: '0 */2 * * * *'
  GDAP_SCHEDULE: '15 */10 * * * *'
  RECOVERY_SCHEDULE: '30 * * * * *'
  INVOICE_SCHEDULE: '0 15 * * * *'
}

@description('The README describes each.')
param tuning object = {
  SYNC_INTERVAL_HOURS: '6'
  GRAPH_PACE_SECONDS: '1'
  WORK_REDELIVERY_SECONDS: '120'
  STAFF_CACHE_SECONDS: '30'
  SEARCH_CACHE_SECONDS: '10'
  CREDENTIAL_CACHE_SECONDS: '300'
  TELEMETRY_SHARE: '0.1'
}

@description('Microsoft Entra ID, Microsoft Graph and Partner Center of the cloud, without a slash at the end.')
param clouds object = {
  // Only the host: loginEndpoint ends in a slash in some clouds, and the app appends /<tenant>.
  ENTRA_AUTHORITY: 'https://${split(environment().authentication.loginEndpoint, '/')[2]}'
  // environment() has no Microsoft Graph: its `graph` is the retired Azure AD Graph.
  GRAPH_ENDPOINT: 'https://graph.microsoft.com'
  PARTNER_CENTER_ENDPOINT: 'https://api.partnercenter.microsoft.com'
}

@description('Redundancy of the storage account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageSku string = 'Standard_ZRS'

@description('Maximum number of instances.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 40

@description('Instances that are kept warm for HTTP.')
@minValue(0)
param warmInstances int = 0

@description('Whether instances are spread over availability zones; needs two warm instances.')
param zoneRedundant bool = false

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemory int = 2048

@description('Log retention, in days.')
@minValue(30)
param logDays int = 90

@description('Whether storage and Key Vault are reachable only through a virtual network.')
param privateNetwork bool = false

var suffix = uniqueString(resourceGroup().id)
var name = 'm365-partner-${environmentName}-${suffix}'
var tags = { product: 'manage365-partner-tenant', environment: environmentName }

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: { name: 'id-${name}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    name: name
    location: location
    tags: tags
    logDays: logDays
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'stm365${environmentName}${suffix}'
    location: location
    tags: tags
    sku: storageSku
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    principalId: identity.outputs.principalId
  }
}

module keyVault 'modules/keyVault.bicep' = {
  name: 'keyVault'
  params: {
    name: 'kv-${environmentName}-${suffix}'
    location: location
    tags: tags
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: name
    location: location
    tags: tags
    storageAccountId: storage.outputs.id
    keyVaultId: keyVault.outputs.id
  }
}

module email 'modules/email.bicep' = if (!empty(communicationServiceName)) {
  name: 'email'
  params: {
    communicationServiceName: communicationServiceName
    principalId: identity.outputs.principalId
  }
}

module functionApp 'modules/functionApp.bicep' = {
  name: 'functionApp'
  params: {
    name: 'func-${name}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    keyVaultUrl: keyVault.outputs.url
    apiAudience: apiAudience
    pageTokenKey: pageTokenKey
    portalOrigin: portalOrigin
    redirectBase: redirectBase
    emailEndpoint: empty(communicationServiceName) ? '' : email!.outputs.endpoint
    emailSender: emailSender
    otherSettings: union(seller, schedules, tuning, clouds)
    maximumInstances: maximumInstances
    warmInstances: warmInstances
    instanceMemory: instanceMemory
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    tags: tags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    email: alertEmail
  }
}

output functionAppName string = functionApp.outputs.name
output apiUrl string = functionApp.outputs.url
output consentRedirectUri string = functionApp.outputs.consentRedirectUri
output storageAccountName string = storage.outputs.name
output keyVaultName string = keyVault.outputs.name
@description('What the partner app registration trusts: the subject of its federated credential.')
output identityPrincipalId string = identity.outputs.principalId
output identityClientId string = identity.outputs.clientId

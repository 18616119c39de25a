// The function app on Flex Consumption, with every setting it has.

param name string
param location string
param tags object
param identityId string
param identityClientId string
param storageAccountName string
param packageContainerUrl string
param applicationInsightsConnectionString string
param keyVaultUrl string
param apiAudience string
@secure()
param pageTokenKey string
param portalOrigin string
param redirectBase string
param emailEndpoint string
param emailSender string
param otherSettings object
param maximumInstances int
param warmInstances int
param instanceMemory int
param zoneRedundant bool
param subnetId string

var storageSuffix = environment().suffixes.storage
var apiUrl = 'https://${name}.azurewebsites.net'
var redirectUri = '${empty(redirectBase) ? apiUrl : redirectBase}/consent/callback'

// Settings of the platform: the host's storage, how telemetry authenticates, and the kind of identity.
var platformSettings = {
  AzureWebJobsStorage__accountName: storageAccountName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
}
var appSettings = {
  STORAGE_TABLE_ENDPOINT: 'https://${storageAccountName}.table.${storageSuffix}'
  STORAGE_QUEUE_ENDPOINT: 'https://${storageAccountName}.queue.${storageSuffix}'
  STORAGE_BLOB_ENDPOINT: 'https://${storageAccountName}.blob.${storageSuffix}'
  KEY_VAULT_URL: keyVaultUrl
  API_AUDIENCE: apiAudience
  PAGE_TOKEN_KEY: pageTokenKey
  PORTAL_URL: portalOrigin
  CONSENT_REDIRECT_URI: redirectUri
  EMAIL_ENDPOINT: emailEndpoint
  EMAIL_SENDER: emailSender
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  AZURE_CLIENT_ID: identityClientId
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    // checkov:skip=CKV_AZURE_225: set by a parameter, and on in production; not every region offers it.
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    // checkov:skip=CKV_AZURE_17: the callers are browsers and Entra's redirect; each route checks an Entra token.
    // checkov:skip=CKV_AZURE_212: Flex Consumption scales by load; `warmInstances` keeps some instances.
    // checkov:skip=CKV_AZURE_213: Flex Consumption has no health check path; /health is for a monitor.
    // checkov:skip=CKV_AZURE_222: the API is public: the portal's browsers call it.
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      cors: { allowedOrigins: [portalOrigin], supportCredentials: false }
      appSettings: [
        for setting in items(union(platformSettings, appSettings, otherSettings)): {
          name: setting.key
          value: setting.value
        }
      ]
    }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: instanceMemory
        alwaysReady: warmInstances == 0 ? [] : [{ name: 'http', instanceCount: warmInstances }]
      }
    }
  }
}

// Packages are published with an Entra token; password authentication is off.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output name string = app.name
output url string = apiUrl
output consentRedirectUri string = redirectUri

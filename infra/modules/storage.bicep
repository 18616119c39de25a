// One account for the app's tables, queues and invoices, and for the Functions host.

param name string
param location string
param tags object
param sku string
param publicNetworkAccess string
param principalId string

var tables = [
  'msps'
  'mspIndex'
  'staff'
  'consentStates'
  'syncState'
  'syncSchedule'
  'pendingWork'
  'userIndex'
  'wholeReads'
  'users'
  'tenantData'
]
var queues = [
  'sync-tenant'
  'sync-tenant-poison'
  'purge-tenant'
  'purge-tenant-poison'
  'complete-consent'
  'complete-consent-poison'
  'run-operation'
  'run-operation-poison'
  'find-due-tenants'
  'find-due-tenants-poison'
  'poll-msp-gdap'
  'poll-msp-gdap-poison'
  'bill-msp'
  'bill-msp-poison'
  'consent-customer'
  'consent-customer-poison'
]
var packageContainer = 'packages'
var containers = ['invoices', packageContainer]

// Assigned on the whole account: docs/decisions/0020 explains why none of them can be narrower.
var roles = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    // checkov:skip=CKV_AZURE_35: set by a parameter; without a virtual network, Entra tokens protect the account.
    // checkov:skip=CKV_AZURE_59: set by a parameter, for the same reason.
    // checkov:skip=CKV_AZURE_43: the name is a parameter, which checkov resolves only sometimes; a test checks it.
    // checkov:skip=CKV_AZURE_206: set by a parameter: zone-redundant by default, geo-zone-redundant in production.
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
  }
}

// Point-in-time restore exists only for blobs; `python -m ops export` backs up the tables.
resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    changeFeed: { enabled: true, retentionInDays: 30 }
    deleteRetentionPolicy: { enabled: true, days: 30 }
    containerDeleteRetentionPolicy: { enabled: true, days: 30 }
    restorePolicy: { enabled: true, days: 29 }
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [
  for container in containers: {
    parent: blobService
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource workQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [
  for queue in queues: {
    parent: queueService
    name: queue
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource dataTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [
  for table in tables: {
    parent: tableService
    name: table
  }
]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles): {
    scope: account
    name: guid(account.id, principalId, role.value)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]

output id string = account.id
output name string = account.name
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}${packageContainer}'

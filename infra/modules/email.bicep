// The right to send billing e-mails through an existing Azure Communication Services resource:
// its domain must be verified manually.

param communicationServiceName string
param principalId string

var roles = {
  'Communication and Email Service Owner': '09976791-48a7-449e-bb21-39d1a415f350'
}

resource service 'Microsoft.Communication/communicationServices@2023-04-01' existing = {
  name: communicationServiceName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles): {
    scope: service
    name: guid(service.id, principalId, role.value)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]

output endpoint string = 'https://${service.properties.hostName}'

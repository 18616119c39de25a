using 'main.bicep'

param environmentName = 'dev'
param apiAudience = '00000000-0000-0000-0000-000000000000'
param portalOrigin = 'https://portal.dev.contoso.example'
param alertEmail = 'operators@contoso.example'
// Sample values: without an ABN no invoice is issued, and the alert would fire permanently.
param seller = {
  SELLER_NAME: 'Contoso Software Pty Ltd (dev)'
  SELLER_ABN: '51824753556'
  SELLER_ADDRESS: '1 Sample Street\\nSydney NSW 2000'
  PAYMENT_DETAILS: 'Do not pay: dev'
}
param storageSku = 'Standard_LRS'
param maximumInstances = 40
param logDays = 30

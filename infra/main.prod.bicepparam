using 'main.bicep'

param environmentName = 'prod'
param apiAudience = '00000000-0000-0000-0000-000000000000'
param portalOrigin = 'https://portal.contoso.example'
param redirectBase = 'https://api.contoso.example'
param alertEmail = 'operators@contoso.example'
param seller = {
  SELLER_NAME: 'Contoso Software Pty Ltd'
  SELLER_ABN: '51824753556'
  SELLER_ADDRESS: '1 Sample Street\\nSydney NSW 2000'
  PAYMENT_DETAILS: 'BSB 000-000, account 00000000'
}
param storageSku = 'Standard_GZRS'
param warmInstances = 2
param zoneRedundant = true
param logDays = 365
param privateNetwork = true

using 'main.bicep'

param environmentName = 'dev'
param apiAudience = '00000000-0000-0000-0000-000000000000'
param portalOrigin = 'https://portal.dev.contoso.example'
param alertEmail = 'operators@contoso.example'
param storageSku = 'Standard_LRS'
param maximumInstances = 5
param logDays = 30

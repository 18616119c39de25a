// Alerts on the app's metrics and requests. docs/operation.md explains what each means and what to do.

param name string
param location string
param tags object
param applicationInsightsId string
param email string

// Severity 1: work that does not recover automatically. Severity 2: work that recovers once the cause is gone.
var rules = [
  {
    name: 'failed-syncs'
    description: 'Syncs of tenants fail: more than a tenth of an hour\'s, and at least five.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    query: '''
      customMetrics
      | where name == 'manage365.sync.tenants'
      | extend failed = tostring(customDimensions.outcome) == 'failed'
      | summarize failures = sumif(valueSum, failed), syncs = sum(valueSum)
      | where failures >= 5 and failures * 10 > syncs
    '''
  }
  {
    name: 'poison-messages'
    description: 'Work failed five times and was given up.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M'
    query: '''
      customMetrics
      | where name == 'manage365.work.poisoned' and valueSum > 0
    '''
  }
  {
    name: 'invoice-run-missing'
    description: 'Billing has not succeeded at any MSP for a day. It runs hourly, so a month without invoices is reported by the 2nd.'
    severity: 1
    frequency: 'PT1H'
    window: 'P1D'
    query: '''
      customMetrics
      | where name == 'manage365.invoice.runs'
      | summarize runs = countif(valueSum > 0)
      | where runs == 0
    '''
  }
  {
    name: 'server-errors'
    description: 'More than 2 % of the requests of a quarter of an hour were answered with 5xx, and at least ten.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M'
    query: '''
      requests
      | extend status = toint(resultCode)
      | where status >= 100
      | summarize errors = sumif(itemCount, status >= 500), answers = sum(itemCount)
      | where errors >= 10 and errors * 50 > answers
    '''
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'm365partner'
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Each query returns a row when something is wrong, and none otherwise. The host samples requests:
// each row stands for `itemCount` of them. Metrics are not sampled.
resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${rule.name}-${name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [applicationInsightsId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [operators.id] }
    }
  }
]

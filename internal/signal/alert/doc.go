// Package alert receives Alertmanager's webhooks and makes notices of them, which say what to look at.
//
// The form is that of version 4 (prometheus/alertmanager, notify/webhook/webhook.go: Message, and
// template/template.go: Data). Which labels lead to which object is said at [targets].
package alert

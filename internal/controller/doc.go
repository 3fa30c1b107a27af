// Package controller runs gatemend in a cluster: incidents are objects there, policies and approvals too.
package controller

// Package campaign lets the lab's shop live through rounds of random faults, noise and crashes of gatemend, unattended
// and under a policy, and has an independent checker read the API server's audit log. Its tests have the build tag lab.
package campaign

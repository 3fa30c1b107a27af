// Package cloudlb knows the load balancers of the large clouds as Kubernetes controllers set them up: AWS's
// Application Load Balancer, Google's Application Load Balancers, Azure's Application Gateway.
//
// They run outside the cluster: no pod of it writes their log, but files of it can be read.
package cloudlb

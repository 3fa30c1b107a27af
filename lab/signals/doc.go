// Package signals tests with real proxies that what they send is heard as what they write.
package signals

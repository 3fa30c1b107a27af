// Package notify tells people of incidents where they are: one folder for each kind of channel.
//
// [Compose] makes a [Message] of an incident; how it looks at a receiver is decided in the channel's folder. A
// [Dispatcher] brings messages to channels: it never blocks who notifies, says the same thing once, brings what
// people see up to date in place of a further message, keeps within a rate, folds a storm into one message, and
// tries again from a queue that outlives the program.
package notify

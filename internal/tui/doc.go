// Package tui is the screen of 'gatemend watch': routes by error rate, what is failing since when and why, and the
// diagnosis of the route under the cursor.
//
// It shows what others computed and decides nothing. [Screen] is run by one goroutine; frames, events and
// questions are handed to it from others. It needs 80 columns and 24 lines to show all, and stays usable with less.
// Meaning never rests on colour alone, and of colours only the sixteen are used that every terminal has.
package tui

// Package trace exports the life of an incident as one OpenTelemetry trace: a span of the whole, and beneath it one of each
// step from the first failed request to the last. Which spans there are follows from the incident's record alone, and so do
// their ids: whichever controller sees the end of an incident tells all of it.
package trace

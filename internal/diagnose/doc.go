// Package diagnose names what is wrong.
//
// It walks the routes of a snapshot (package path), lets one analyzer per cause look at every hop
// that is not OK, compares what the model predicts with what gateways' logs say, folds symptoms
// under their root, and ranks what is left. It is pure: the same input gives the same diagnosis.
//
// Confidence has four steps, and no values between them:
//
//	0.97  seen to happen: a log line or status of that very object, and the model agrees; nothing else as sure explains the same
//	0.9   the objects alone prove it
//	0.7   the objects suggest it and the symptom fits
//	0.4   possible
//
// Nothing may act on less than 0.9.
package diagnose

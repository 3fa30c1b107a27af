package cli

import (
	"context"
	"io"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/tally"
	"github.com/gatemend/gatemend/internal/watch"
)

// Env is the outside as commands see it. Package app fills it in for the program, tests for tests.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal Terminal
	Now      func() time.Time
	// Program is what people type: "gatemend", or "kubectl gatemend" for the plugin.
	Program string
	Build   Build

	// ReadDump reads a file, folder or archive of objects, or stdin for "-", and the logs that are in it.
	ReadDump func(path string, stdin io.Reader, now time.Time, formats all.Formats) (*snapshot.Snapshot, watch.LogFiles, error)
	// LogsIn names the folder of logs that a dump brings along, "" if there is none.
	LogsIn func(dump string) string
	// ReadLogs reads a file or folder of container logs that belong to a snapshot.
	ReadLogs func(path string, s *snapshot.Snapshot, formats all.Formats) (watch.LogFiles, error)
	// CountLogs reads logs and counts what they say. It fails only if there is nothing to read.
	CountLogs func(ctx context.Context, c LogCount) (model.LogReport, error)
	// ReadFile reads a file that a person wrote or saved, or stdin for "-".
	ReadFile func(path string, stdin io.Reader) ([]byte, error)
	// WriteFile replaces a file as a whole.
	WriteFile func(path string, content []byte) error
	// CommitSource makes a commit in a local clone, and touches nothing else there.
	CommitSource func(SourceCommit) (model.GitChange, error)
	// OpenHistory opens a history of incidents to read it: a file, or a database by its DSN.
	OpenHistory func(where string) (History, error)
	// OpenEvents opens a file to which events are appended.
	OpenEvents func(path string) (io.WriteCloser, error)
	// ServeMetrics lets gatemend's metrics be scraped until the context ends. The token of the file, where one
	// is named, must be shown.
	ServeMetrics func(ctx context.Context, addr, tokenFile string, m *metrics.Metrics) error
	// Approvals is where plans of a cluster's controller are decided on.
	Approvals func(flags genericclioptions.RESTClientGetter) (Approvals, error)
	// Switch is what stops every gatemend of a cluster, in namespace gatemend, or what it does in another namespace.
	Switch func(flags genericclioptions.RESTClientGetter, namespace string) (Switch, error)
	// RunController runs a controller until the context ends.
	RunController func(ctx context.Context, flags genericclioptions.RESTClientGetter, o ControllerOptions) error
	// RunAgent runs an agent until the context ends.
	RunAgent func(ctx context.Context, flags genericclioptions.RESTClientGetter, o AgentOptions) error
	// Connect opens a cluster, of which formats tell what its gateways' logs are written in. It does not read yet, but
	// fails where there is nothing to connect to.
	Connect func(flags genericclioptions.RESTClientGetter, formats all.Formats) (Cluster, error)
}

// Terminal is what is known of the terminal.
type Terminal struct {
	In      bool // stdin is one, so that a person can be asked
	Out     bool // stdout is one
	Width   int  // of stdout in columns; 0: not known
	NoColor bool // NO_COLOR is set, or it is dumb
	Dumb    bool // it has no cursor to move: TERM is dumb, or not set
}

// Build says which gatemend this is.
type Build struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
	Date      string `json:"date,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// LogCount says which logs to count, and how.
type LogCount struct {
	Paths   []string // files, folders, or - for In
	In      io.Reader
	Follow  bool // go on until the context ends
	Options tally.Options
	Notify  tally.Notify
}

// Cluster is a live cluster.
type Cluster interface {
	watch.Pods
	// Snapshot reads the cluster once. A kind that RBAC forbids is coverage, not an error; a cluster
	// that does not answer is an error. namespace, where set, is enough where the whole is forbidden.
	Snapshot(ctx context.Context, namespace string) (*snapshot.Snapshot, error)
	// WriteDump writes all that a diagnosis reads to a folder, without values of Secrets, and says
	// what it could not read. Gateways' logs begin at since.
	WriteDump(ctx context.Context, dir, namespace string, since time.Time) (unseen []model.Unseen, err error)
	// Follow keeps looking until the context ends. It returns once the first state is complete.
	Follow(ctx context.Context, o FollowOptions) (watch.Live, error)
	// Sources makes the further sources of a watch, which begin to listen when they are run.
	Sources(live watch.Live, o SourceOptions) ([]watch.Source, error)
	// Actor is what carries changes out.
	Actor() mend.Actor
}

// FollowOptions says what of a cluster is followed.
type FollowOptions struct {
	Namespace string    // empty: all
	Since     time.Time // signals begin then
	NoLogs    bool      // objects only; there are no signals then
	// Later is how long logs are not opened through the API, so that agents can say that they read them.
	Later time.Duration
}

package podlog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
)

func at(second, path string) string { return access("2026-05-04T08:30:"+second+"00000000Z", path, 200) }

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// What happens to a log while nobody reads it: nothing that the API still has is lost or read twice, and what it has
// not any more is told.
func TestLogsThatDoNotGoOn(t *testing.T) {
	const lost = "edge/lb-1/controller: lines between "
	for name, test := range map[string]struct {
		happens func(*cluster)
		want    []string // paths, after /0 and /1
		notice  string   // how it begins; empty: none
		asked   int      // how often the log of the container before was wanted
	}{
		"the connection broke": {
			func(c *cluster) {
				c.breakLog("lb-1")
				c.write("lb-1", at("20.1", "/2"))
			},
			[]string{"/2"}, "", 0,
		},
		"restarted": {
			func(c *cluster) {
				c.restart(true, at("16.2", "/2"), at("17.1", "/3"))
				c.write("lb-1", at("20.1", "/4"))
			},
			[]string{"/2", "/3", "/4"}, "", 1,
		},
		"restarted, and the new container is silent": {
			func(c *cluster) { c.restart(true, at("16.2", "/2"), at("17.1", "/3")) },
			[]string{"/2", "/3"}, "", 2, // again, as the first line of the new container does not follow on what was read
		},
		"restarted after all was read": {
			func(c *cluster) {
				c.restart(true)
				c.write("lb-1", at("20.1", "/2"))
			},
			[]string{"/2"}, "", 1,
		},
		"restarted, which the status does not tell yet": {
			func(c *cluster) {
				c.restart(false, at("16.2", "/2"), at("17.1", "/3"))
				c.write("lb-1", at("20.1", "/4"))
			},
			[]string{"/2", "/3", "/4"}, "", 1,
		},
		"restarted twice": {
			func(c *cluster) {
				c.restart(true, at("16.2", "/lost"))
				c.restart(true, at("18.1", "/2"))
				c.write("lb-1", at("20.1", "/3"))
			},
			[]string{"/2", "/3"}, lost + "08:30:16.100Z and 08:30:18.100Z may be lost (2s)", 1,
		},
		"restarted, and the first container's log was rotated": {
			func(c *cluster) {
				c.rotate("lb-1")
				c.restart(true, at("18.1", "/2"))
				c.write("lb-1", at("20.1", "/3"))
			},
			[]string{"/2", "/3"}, lost + "08:30:16.100Z and 08:30:18.100Z", 1,
		},
		"rotated": {
			func(c *cluster) {
				c.rotate("lb-1")
				c.write("lb-1", at("20.1", "/2"), at("20.2", "/3"))
			},
			[]string{"/2", "/3"}, lost + "08:30:16.100Z and 08:30:20.100Z may be lost (4s)", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.pods = []corev1.Pod{gateway("lb-1")}
			c.write("lb-1", at("15.1", "/0"), at("16.1", "/1"))
			f, _ := start(t, c, Options{})
			receive(t, f)
			receive(t, f)
			c.offline(func() { test.happens(c) })
			var got []string
			for range test.want {
				got = append(got, receive(t, f).Request.Path)
			}
			await(t, "the log to be open", func() bool { return f.Counts().Open == 1 })
			// A second break repeats and tells nothing.
			c.mu.Lock()
			n := len(c.opened["lb-1"])
			c.mu.Unlock()
			c.breakLog("lb-1")
			c.reopened(t, "lb-1", n+1)
			c.write("lb-1", at("30.1", "/end"))
			got = append(got, receive(t, f).Request.Path)
			if d := cmp.Diff(append(test.want, "/end"), got); d != "" {
				t.Errorf("paths (-want +got)\n%s", d)
			}
			told := f.Notices()
			gaps := int64(0)
			if test.notice != "" {
				gaps = 1
			}
			if int64(len(told)) != gaps || gaps == 1 && !strings.HasPrefix(told[0], test.notice) {
				t.Errorf("told %q, want %q", told, test.notice)
			}
			if n := f.Counts(); n.Gaps != gaps || n.Dropped != 0 || n.Requests != int64(len(got))+2 {
				t.Errorf("counts %+v", n)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.asked["lb-1"]) != test.asked {
				t.Errorf("asked %d times for the log of the container before, want %d", len(c.asked["lb-1"]), test.asked)
			}
		})
	}
}

// What is wanted may begin in the log of a container that ended before the pod was first seen.
func TestReadsBeforeARestart(t *testing.T) {
	for name, test := range map[string]struct {
		since, ended string
		want         []string
	}{
		"ended within": {"2026-05-04T08:30:00Z", "2026-05-04T08:30:17Z", []string{"/0", "/1"}},
		"ended before": {"2026-05-04T08:30:18Z", "2026-05-04T08:30:17Z", []string{"/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.pods = []corev1.Pod{gateway("lb-1")}
			c.write("lb-1", at("16.1", "/0"))
			c.restart(true)
			c.pods[0].Status.ContainerStatuses[0].LastTerminationState.Terminated.FinishedAt = metav1.Time{Time: moment(t, test.ended)}
			c.write("lb-1", at("20.1", "/1"))
			f, _ := start(t, c, Options{Since: moment(t, test.since)})
			for _, want := range test.want {
				if got := receive(t, f).Request.Path; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			if told := f.Notices(); len(told) > 0 {
				t.Errorf("told %q", told)
			}
		})
	}
}

// A pod of a StatefulSet comes again under its name; its log is not that of the pod before.
func TestAnotherPodOfTheName(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-0")}
	c.write("lb-0", at("15.1", "/0"))
	f, _ := start(t, c, Options{})
	receive(t, f)
	c.change(func() { c.pods[0].UID = "another"; c.cut["lb-0"]++ })
	want := []model.Unseen{{What: "edge/lb-0/controller", Why: "the pod is gone"}}
	await(t, "the note", func() bool { return cmp.Equal(f.Unseen(), want) })
	c.mu.Lock()
	n := len(c.opened["lb-0"])
	c.mu.Unlock()
	if n != 1 {
		t.Errorf("the log was opened %d times, want once", n)
	}
}

// A pod that was deleted and made anew while nobody listened is told of as a change; only the new one is followed.
func TestAnotherPodIsToldAsAChange(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-0")}
	f, _ := start(t, c, Options{})
	await(t, "the first pod", func() bool { return f.Counts().Open == 1 })
	again := gateway("lb-0")
	again.UID, again.ResourceVersion = "another", "9"
	c.change(func() { c.pods[0] = again })
	c.event("MODIFIED", again)
	await(t, "the other pod alone", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.streams) == 1 && f.streams["another"] != nil
	})
	c.event("DELETED", again)
	await(t, "no pod", func() bool { return len(f.Pods()) == 0 && len(f.Unseen()) == 0 })
}

// What is left in the log of a pod that was evicted is read, once, and then the pod is left alone. One of which nothing was
// read before is not looked at.
func TestPodsThatAreOver(t *testing.T) {
	failed := func(name string) corev1.Pod {
		p := gateway(name)
		p.ResourceVersion, p.Status.Phase = "9", corev1.PodFailed
		return p
	}
	for name, away := range map[string]bool{"with a log": false, "without one": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.pods = []corev1.Pod{gateway("lb-0"), failed("lb-1")}
			f, _ := start(t, c, Options{})
			await(t, "the log to be open", func() bool { return f.Counts().Open == 1 })
			if pods := f.Pods(); len(pods) != 1 || pods[0].Name != "lb-0" {
				t.Errorf("followed: %v", pods)
			}
			c.event("MODIFIED", failed("lb-0"))
			await(t, "the news", func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.streams["uid-lb-0"].last.Load()
			})
			c.change(func() {
				c.pods[0], c.away = failed("lb-0"), away
				c.lines["lb-0"] = append(c.lines["lb-0"], at("15.1", "/last"))
				c.cut["lb-0"]++
			})
			if !away {
				if s := receive(t, f); s.Request.Path != "/last" {
					t.Errorf("read %s", s.Request.Path)
				}
				c.breakLog("lb-0") // it is opened once more, and there is its end
			}
			await(t, "no pod", func() bool { return len(f.Pods()) == 0 && len(f.Unseen()) == 0 && f.Counts().Open == 0 })
			c.event("MODIFIED", failed("lb-0"))
			c.event("ADDED", gateway("lb-2"))
			await(t, "the pod after it", func() bool { return len(f.Pods()) > 0 && f.Pods()[0].Name == "lb-2" })
		})
	}
}

// What is left is asked for again if its node does not answer at once.
func TestAPodThatIsOverOnANodeInTrouble(t *testing.T) {
	over := gateway("lb-0")
	over.ResourceVersion, over.Status.Phase = "9", corev1.PodFailed
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-0")}
	f, _ := start(t, c, Options{Retry: 200 * time.Millisecond})
	await(t, "the log to be open", func() bool { return f.Counts().Open == 1 })
	c.event("MODIFIED", over)
	await(t, "the news", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.streams["uid-lb-0"].last.Load()
	})
	c.change(func() {
		c.pods[0], c.away = over, true
		c.lines["lb-0"] = append(c.lines["lb-0"], at("15.1", "/last"))
		c.cut["lb-0"]++
	})
	await(t, "it to be said", func() bool { return len(f.Unseen()) == 1 })
	c.change(func() { c.away = false })
	if s := receive(t, f); s.Request.Path != "/last" {
		t.Errorf("read %s", s.Request.Path)
	}
	c.breakLog("lb-0")
	await(t, "no pod", func() bool { return len(f.Pods()) == 0 && len(f.Unseen()) == 0 })
}

func TestGatewaysBeyondTheMostWait(t *testing.T) {
	c := newCluster(t)
	for _, name := range []string{"lb-1", "lb-2", "lb-3"} {
		c.pods = append(c.pods, gateway(name))
		c.write(name, at("15.1", "/"+name))
	}
	f, _ := start(t, c, Options{MaxStreams: 1})
	<-f.Listed()
	followed := receive(t, f).Gateway.Name
	if n := len(f.Unseen()); n != 2 {
		t.Errorf("%d gateways wait, want 2: %v", n, f.Unseen())
	}
	for left := 1; left >= 0; left-- {
		c.event("DELETED", gateway(followed))
		before := followed
		if followed = receive(t, f).Gateway.Name; followed == before {
			t.Errorf("%s is followed again", before)
		}
		await(t, "the note to be taken back", func() bool { return len(f.Unseen()) == left })
	}
	// One that goes while it waits is forgotten.
	c.event("ADDED", gateway("lb-4"))
	await(t, "the note", func() bool { return len(f.Unseen()) == 1 })
	c.event("DELETED", gateway("lb-4"))
	await(t, "the note to be taken back", func() bool { return len(f.Unseen()) == 0 })
	if pods := f.Pods(); len(pods) != 1 || pods[0].Name != followed {
		t.Errorf("follows %v, want %s", pods, followed)
	}
}

func TestTellsOfDroppedSignals(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.write("lb-1", at("15.1", "/0"), at("15.2", "/1"), at("15.3", "/2"))
	f, _ := start(t, c, Options{Buffer: 1})
	await(t, "all lines to be read", func() bool { return f.Counts().Requests == 3 })
	want := []string{"2 signals of gateways' logs were lost: they came faster than they could be counted"}
	if d := cmp.Diff(want, f.Notices()); d != "" {
		t.Errorf("told (-want +got)\n%s", d)
	}
	if again := f.Notices(); len(again) > 0 {
		t.Errorf("told again: %q", again)
	}
}

package notify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/notify"
)

// phone is a channel that remembers what it was sent, and fails with err.
type phone struct {
	updates bool

	mu   sync.Mutex
	err  func(m notify.Message) error
	sent []string // "key phase" or "key: text" of digests, with the handle it came with
	at   []time.Time
}

func (p *phone) Updates() bool { return p.updates }

func (p *phone) Send(ctx context.Context, m notify.Message, h notify.Handle) (notify.Handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
	if p.err != nil {
		if err := p.err(m); err != nil {
			return "", err
		}
	}
	what := string(m.Phase)
	if m.Phase == "" {
		what = m.Title
	}
	p.sent = append(p.sent, fmt.Sprintf("%s %s%s", strings.TrimPrefix(m.Key, "eu-1/"), what, h))
	return " (again)", ctx.Err()
}

func (p *phone) fail(err func(notify.Message) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *phone) got() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.sent, "; ")
}

// memory is a spool that outlives dispatchers.
type memory struct{ entries map[string]notify.Entry }

func (m *memory) Load() ([]notify.Entry, error) {
	var all []notify.Entry
	for _, e := range m.entries {
		all = append(all, e)
	}
	return all, nil
}
func (m *memory) Put(e notify.Entry) error { m.entries[e.Channel+" "+e.Key] = e; return nil }
func (m *memory) Delete(channel, key string) error {
	delete(m.entries, channel+" "+key)
	return nil
}

// desk is a dispatcher that runs, with one channel.
type desk struct {
	*notify.Dispatcher
	stop    func()
	spool   *memory
	notices []notify.Notice
	mu      sync.Mutex
}

func open(t *testing.T, p *phone, spool *memory, change func(*notify.Options)) *desk {
	t.Helper()
	if spool == nil {
		spool = &memory{entries: map[string]notify.Entry{}}
	}
	k := &desk{spool: spool}
	o := notify.Options{Routes: []notify.Route{{Name: "phone", Channel: p}}, Spool: spool, Now: time.Now, Told: func(n notify.Notice) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.notices = append(k.notices, n)
	}}
	if change != nil {
		change(&o)
	}
	d, err := notify.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	k.Dispatcher, k.stop = d, func() { cancel(); <-done }
	return k
}

func (k *desk) lost() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, notice := range k.notices {
		if notice.Lost {
			n++
		}
	}
	return n
}

func message(id string, phase model.Phase) notify.Message {
	return notify.Compose(model.Incident{Cluster: "eu-1", ID: id, Phase: phase, Routes: []string{id + ".example.com/"}, Statuses: []int{502}, Updated: time.Now()})
}

func expect(t *testing.T, p *phone, want string) {
	t.Helper()
	synctest.Wait()
	if got := p.got(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSaidOnceAndUpdatedInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		d := open(t, p, nil, nil)
		d.Notify(message("a", model.PhaseDetected))
		synctest.Wait()
		for range 3 {
			time.Sleep(time.Second)
			d.Notify(message("a", model.PhaseDetected)) // nothing new
		}
		d.Notify(message("a", model.PhaseMending))
		synctest.Wait()
		d.Notify(message("a", model.PhaseResolved))
		expect(t, p, "a Detected; a Mending (again); a Resolved (again)")
		more := model.Incident{
			Cluster: "eu-1", ID: "a", Phase: model.PhaseResolved, Routes: []string{"a.example.com/", "b.example.com/"},
			Statuses: []int{502}, Updated: time.Now(), Requests: 9, Errors: 8,
		}
		d.Notify(notify.Compose(more)) // counts, which come in late
		expect(t, p, "a Detected; a Mending (again); a Resolved (again)")
		d.stop()
	})
}

func TestLateNewsAreOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		d := open(t, p, nil, nil)
		early := message("a", model.PhaseMending)
		time.Sleep(time.Second)
		d.Notify(message("a", model.PhaseResolved))
		synctest.Wait()
		d.Notify(early)
		expect(t, p, "a Resolved")
		d.stop()
	})
}

// Where a message cannot be changed, one is sent when enough is known, then only what matters.
func TestFewMessagesWhereTheyCannotBeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{}
		d := open(t, p, nil, nil)
		for _, phase := range []model.Phase{model.PhaseDetected, model.PhaseDiagnosed, model.PhaseAwaitingApproval} {
			d.Notify(message("a", phase))
			time.Sleep(time.Second)
		}
		expect(t, p, "")
		time.Sleep(3 * time.Second)
		expect(t, p, "a AwaitingApproval")
		for _, phase := range []model.Phase{model.PhaseMending, model.PhaseVerifying, model.PhaseResolved} {
			d.Notify(message("a", phase))
			time.Sleep(10 * time.Second)
		}
		expect(t, p, "a AwaitingApproval; a Resolved (again)")
		d.stop()
	})
}

func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		p.fail(func(notify.Message) error { return errors.New("away") })
		d := open(t, p, nil, nil)
		d.Notify(message("a", model.PhaseDetected))
		d.Notify(message("b", model.PhaseDetected))
		time.Sleep(time.Minute)
		// pauses of 1, 2, 4, 8, 16, 32 s for the channel as a whole, not for each message
		if len(p.at) != 6 {
			t.Errorf("%d tries in a minute: %v", len(p.at), p.at)
		}
		d.Notify(message("a", model.PhaseResolved)) // only the last state is sent
		p.fail(nil)
		time.Sleep(time.Minute)
		expect(t, p, "a Resolved; b Detected")
		if d.Waiting()["phone"] != 0 || d.lost() != 0 {
			t.Errorf("waiting %v, lost %d", d.Waiting(), d.lost())
		}
		d.stop()
	})
}

func TestOneBadMessageStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		p.fail(func(m notify.Message) error {
			switch m.Key {
			case "eu-1/refused":
				return &notify.RefusedError{Err: errors.New("too odd")}
			case "eu-1/failing":
				return errors.New("not now")
			}
			return nil
		})
		d := open(t, p, nil, func(o *notify.Options) { o.GiveUp = time.Hour })
		for _, id := range []string{"failing", "refused", "good"} {
			d.Notify(message(id, model.PhaseDetected))
		}
		time.Sleep(time.Minute)
		expect(t, p, "good Detected")
		if d.lost() != 1 || d.Waiting()["phone"] != 1 {
			t.Errorf("lost %d, waiting %v", d.lost(), d.Waiting())
		}
		time.Sleep(2 * time.Hour)
		if d.lost() != 2 || d.Waiting()["phone"] != 0 {
			t.Errorf("after it was given up: lost %d, waiting %v", d.lost(), d.Waiting())
		}
		d.stop()
	})
}

func TestLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		p.fail(func(notify.Message) error { return &notify.BusyError{After: 10 * time.Minute, Err: errors.New("429")} })
		d := open(t, p, nil, nil)
		d.Notify(message("a", model.PhaseDetected))
		time.Sleep(9 * time.Minute)
		if len(p.at) != 1 {
			t.Errorf("%d tries", len(p.at))
		}
		p.fail(nil)
		time.Sleep(2 * time.Minute)
		expect(t, p, "a Detected")
		d.stop()
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		d := open(t, p, nil, func(o *notify.Options) {
			o.Routes[0].PerMinute, o.Routes[0].Burst, o.FoldAfter = 30, 2, 1000
		})
		for n := range 100 {
			d.Notify(message(fmt.Sprint(n), model.PhaseDetected))
		}
		time.Sleep(time.Minute)
		if n := len(p.at); n < 30 || n > 33 {
			t.Errorf("%d messages in a minute", n)
		}
		d.stop()
	})
}

// A storm of 1,000 incidents: the first ones are told of each, all others together, to their end.
func TestStormIsFolded(t *testing.T) {
	for _, updates := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &phone{updates: updates}
			d := open(t, p, nil, nil)
			for n := range 1000 {
				d.Notify(message(fmt.Sprintf("i%04d", n), model.PhaseDetected))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			for n := range 1000 {
				d.Notify(message(fmt.Sprintf("i%04d", n), model.PhaseResolved))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(20 * time.Minute)
			p.mu.Lock()
			single, digests := 0, []string{}
			for _, s := range p.sent {
				if strings.HasPrefix(s, "i") {
					single++
				} else {
					digests = append(digests, s)
				}
			}
			p.mu.Unlock()
			if single != 40 || len(digests) == 0 || len(digests) > 12 {
				t.Errorf("updates %v: %d single messages, digests %v", updates, single, digests)
			}
			if last := digests[len(digests)-1]; !strings.Contains(last, "980 more incidents since") {
				t.Errorf("the last digest is %s", last)
			}
			for _, e := range d.spool.entries {
				if strings.HasPrefix(e.Key, "/digest/") && e.State != notify.Resolved {
					t.Errorf("the digest is left %s", e.State)
				}
			}
			// Later on, incidents are told of each again.
			d.Notify(message("later", model.PhaseDetected))
			time.Sleep(10 * time.Second)
			if got := p.got(); !strings.HasSuffix(got, "later Detected") {
				t.Errorf("got %s", got[len(got)-80:])
			}
			d.stop()
		})
	}
}

// What was not sent before the program ended is sent after its next start, and what was sent is not sent again.
func TestQueueOutlivesTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		spool := &memory{entries: map[string]notify.Entry{}}
		d := open(t, p, spool, nil)
		told := message("told", model.PhaseDetected)
		d.Notify(told)
		synctest.Wait()
		p.fail(func(notify.Message) error { return errors.New("away") })
		d.Notify(message("waits", model.PhaseDetected))
		synctest.Wait()
		d.stop()
		p.fail(nil)
		d = open(t, p, spool, nil)
		d.Notify(told)
		d.Notify(message("told", model.PhaseResolved))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := p.got(); got != "told Detected; told Resolved (again); waits Detected" && got != "told Detected; waits Detected; told Resolved (again)" {
			t.Errorf("got %s", got)
		}
		d.stop()
	})
}

func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		p.fail(func(notify.Message) error { return errors.New("away") })
		d := open(t, p, nil, func(o *notify.Options) { o.MaxEntries, o.FoldAfter = 10, 1000 })
		for n := range 50 {
			d.Notify(message(fmt.Sprintf("i%02d", n), model.PhaseDetected))
			time.Sleep(time.Second)
		}
		if n := len(d.spool.entries); n != 10 || d.lost() != 40 {
			t.Errorf("%d entries, %d lost", n, d.lost())
		}
		p.fail(nil)
		time.Sleep(10 * time.Minute)
		if got := p.got(); !strings.HasPrefix(got, "i40 Detected") && !strings.Contains(got, "i49 Detected") {
			t.Errorf("got %s", got)
		}
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if n := len(d.spool.entries); n != 0 {
			t.Errorf("%d entries are remembered for ever", n)
		}
		d.stop()
	})
}

func TestMatchAndFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &phone{updates: true}
		d := open(t, p, nil, func(o *notify.Options) {
			o.Routes[0].Match = func(m notify.Message) bool { return m.Phase == model.PhaseEscalated }
			o.Routes[0].Follow = true
		})
		for _, phase := range []model.Phase{model.PhaseDetected, model.PhaseEscalated, model.PhaseResolved} {
			d.Notify(message("a", phase))
			synctest.Wait()
		}
		d.Notify(message("b", model.PhaseResolved))
		expect(t, p, "a Escalated; a Resolved (again)")
		d.stop()
	})
}

func TestFileSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	s, err := notify.OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := message("a", model.PhaseDetected)
	e := notify.Entry{Channel: "../../x", Key: "eu-1/../a", Waiting: &m, State: notify.Firing, Handle: "C/1"}
	for range 2 {
		if err := s.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"bad.json": "{", "other.json": "{}", "half.json.part": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Load()
	if len(all) != 1 || all[0].Key != e.Key || all[0].Waiting.Title != m.Title || all[0].Handle != "C/1" {
		t.Errorf("got %+v", all)
	}
	if err == nil || !strings.Contains(err.Error(), "bad.json") || !strings.Contains(err.Error(), "other.json") {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := s.Delete(e.Channel, e.Key); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 3 {
		t.Errorf("got %v", files)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

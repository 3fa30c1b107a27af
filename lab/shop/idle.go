package shop

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// idleListener makes connections that give up reading when they have been idle for limit, a while before
// they are closed: as the event loop of a busy server does, or as a network does in which the news of the
// closing takes time. A request that arrives in between meets a connection that closes without an answer.
type idleListener struct {
	net.Listener
	limit time.Duration
}

func (l idleListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks at what it is
	}
	return &idleConn{Conn: c, limit: l.limit}, nil
}

type idleConn struct {
	net.Conn
	limit time.Duration
	since atomic.Int64 // when it became idle, in Unix nanoseconds; 0 while it is not
}

func (c *idleConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if since := c.since.Load(); n > 0 && since != 0 && time.Since(time.Unix(0, since)) > c.limit {
		return 0, io.EOF
	}
	return n, err //nolint:wrapcheck // net/http looks at what it is
}

// track is a http.Server's ConnState.
func track(c net.Conn, state http.ConnState) {
	i, ok := c.(*idleConn)
	if !ok {
		return
	}
	if state == http.StateIdle {
		i.since.Store(time.Now().UnixNano())
		return
	}
	i.since.Store(0)
}

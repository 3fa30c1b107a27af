package shop

import (
	"context"
	"fmt"
	"time"
)

const (
	pageSize    = 4096
	memoryLimit = 4 << 30 // no option may eat the machine that the lab runs on
)

// hoard holds memory that the kernel must really give: every page is written.
type hoard struct {
	blocks [][]byte
	total  int64
}

func (h *hoard) grow(bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	if h.total+bytes > memoryLimit {
		return fmt.Errorf("hold %d bytes: more than the limit of %d", h.total+bytes, int64(memoryLimit))
	}
	block := make([]byte, bytes)
	for i := 0; i < len(block); i += pageSize {
		block[i] = 1
	}
	h.blocks = append(h.blocks, block)
	h.total += bytes
	return nil
}

// leak grows by bytes every second until ctx ends, the limit is reached or the process is killed.
func (h *hoard) leak(ctx context.Context, bytes int64) {
	if bytes <= 0 {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if h.grow(bytes) != nil {
				return
			}
		}
	}
}

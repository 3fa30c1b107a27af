package tally

// counts are those of one route.
type counts struct {
	requests, errors uint64
	statuses         [10]*[100]uint64 // by hundreds
	took             *histogram       // nil: no duration was logged
}

func (c *counts) status(code int) {
	block := c.statuses[code/100]
	if block == nil {
		block = new([100]uint64)
		c.statuses[code/100] = block
	}
	block[code%100]++
}

func (c *counts) merge(o *counts) {
	c.requests += o.requests
	c.errors += o.errors
	for i, block := range o.statuses {
		if block == nil {
			continue
		}
		if c.statuses[i] == nil {
			c.statuses[i] = new([100]uint64)
		}
		for j, n := range block {
			c.statuses[i][j] += n
		}
	}
	if o.took != nil {
		if c.took == nil {
			c.took = new(histogram)
		}
		c.took.merge(o.took)
	}
}

// eachStatus calls do for every status that was seen.
func (c *counts) eachStatus(do func(code int, n uint64)) {
	for i, block := range c.statuses {
		if block == nil {
			continue
		}
		for j, n := range block {
			if n > 0 {
				do(100*i+j, n)
			}
		}
	}
}

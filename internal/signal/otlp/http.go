package otlp

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strconv"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// The content types that the protocol has.
const (
	asProtobuf = "application/x-protobuf"
	asJSON     = "application/json"
)

// Handler serves POST /v1/logs.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/logs", r.post)
	return mux
}

func (r *Receiver) post(w http.ResponseWriter, req *http.Request) {
	form, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case !r.options.Admit.Permits(req.Header.Get("Authorization")):
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, asProtobuf, http.StatusUnauthorized, codes.Unauthenticated, "the token is missing or wrong: send it as 'Authorization: Bearer TOKEN'")
		return
	case err != nil || form != asProtobuf && form != asJSON:
		refuse(w, asProtobuf, http.StatusUnsupportedMediaType, codes.InvalidArgument, "send "+asProtobuf+" or "+asJSON)
		return
	}
	body, err := r.read(w, req)
	switch {
	case errors.Is(err, errTooBig):
		refuse(w, form, http.StatusRequestEntityTooLarge, codes.InvalidArgument, err.Error())
		return
	case err != nil:
		refuse(w, form, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	batch := &collector.ExportLogsServiceRequest{}
	if form == asJSON {
		// Ids of traces are in hexadecimal there, unlike in other JSON of protobuf; nobody reads them here.
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, batch)
	} else {
		err = proto.Unmarshal(body, batch)
	}
	if err != nil {
		refuse(w, form, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	var from netip.Addr
	if a, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		from = a.Addr().Unmap()
	}
	answer, err := r.take(batch, from)
	switch {
	case errors.Is(err, errTooBig):
		refuse(w, form, http.StatusRequestEntityTooLarge, codes.InvalidArgument, err.Error())
		return
	case err != nil:
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		refuse(w, form, http.StatusTooManyRequests, codes.ResourceExhausted, err.Error())
		return
	}
	write(w, form, http.StatusOK, answer)
}

var (
	errTooBig   = errors.New("the batch is too large: send smaller ones")
	errEncoding = errors.New("only gzip is known as an encoding")
)

// read reads a body, compressed or not, up to the size that is taken.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	limit := int64(r.options.MaxMessage)
	var body io.Reader = http.MaxBytesReader(w, req.Body, limit)
	switch req.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = io.LimitReader(z, limit+1)
	default:
		return nil, errEncoding
	}
	b, err := io.ReadAll(body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large || int64(len(b)) > limit {
		return nil, errTooBig
	}
	return b, err
}

func refuse(w http.ResponseWriter, form string, code int, reason codes.Code, text string) {
	write(w, form, code, &rpc.Status{Code: int32(reason), Message: text})
}

func write(w http.ResponseWriter, form string, code int, m proto.Message) {
	marshal := proto.Marshal
	if form == asJSON {
		marshal = protojson.Marshal
	}
	b, err := marshal(m)
	if err != nil {
		code, b = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", form)
	w.WriteHeader(code)
	_, _ = w.Write(b) // a sender that went away is not told
}

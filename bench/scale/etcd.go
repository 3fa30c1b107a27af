package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// store writes objects where the API server keeps them, in the form in which it does, so that 100,000 pods with their
// status are there within a minute, and not after an hour of admission, defaulting and kubelets. From then on it serves
// them, tells watchers of them and lets them be changed as any others.
type store struct {
	url    string // of etcd
	scheme *runtime.Scheme
	client *http.Client
}

func (p *plane) newStore() store {
	return store{p.env.ControlPlane.Etcd.URL.String(), scheme(), &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// close closes connections: etcd does not stop while one is open, even if nothing is asked on it.
func (s store) close() { s.client.CloseIdleConnections() }

// record is an object under its key.
type record struct{ key, value []byte }

// encode gives the stored form of an object: protobuf for what is built in, JSON for the rest
// (k8s.io/apiserver, pkg/storage/etcd3; the keys are those of k8s.io/kubernetes, pkg/registry).
func (s store) encode(prefix string, o client.Object) (record, error) {
	key := []byte("/registry/" + prefix + "/")
	if o.GetNamespace() != "" {
		key = append(key, o.GetNamespace()+"/"...)
	}
	key = append(key, o.GetName()...)
	gvk, err := apiutil.GVKForObject(o, s.scheme)
	if err != nil {
		return record{}, err
	}
	o.GetObjectKind().SetGroupVersionKind(gvk)
	if gvk.Group == "gateway.networking.k8s.io" {
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return record{}, err
		}
		value, err := json.Marshal(&unstructured.Unstructured{Object: fields})
		return record{key, value}, err
	}
	var value bytes.Buffer
	err = protobuf.NewSerializer(s.scheme, s.scheme).Encode(o, &value)
	return record{key, value.Bytes()}, err
}

// put writes records in one transaction through etcd's gateway (etcd.io/docs/v3.6/dev-guide/api_grpc_gateway).
func (s store) put(ctx context.Context, records []record) error {
	type put struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	}
	type op struct {
		Put put `json:"requestPut"`
	}
	var txn struct {
		Success []op `json:"success"`
	}
	for _, r := range records {
		txn.Success = append(txn.Success, op{put{r.key, r.value}})
	}
	body, err := json.Marshal(txn)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v3/kv/txn", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("write to etcd: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("write to etcd: %s: %.300s (%w)", resp.Status, answer, err)
	}
	return nil
}

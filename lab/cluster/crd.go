package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"github.com/gatemend/gatemend/lab/binary"
)

// fieldManager owns what Up applies.
const fieldManager = "gatemend-lab"

// crdFiles finds the definitions of the Gateway API's standard channel and of
// Contour in the modules that carry them.
func crdFiles(ctx context.Context, store *binary.Store) ([]string, error) {
	gateway, err := store.ModuleDir(ctx, "", "sigs.k8s.io/gateway-api")
	if err != nil {
		return nil, err
	}
	contour, err := store.ModuleDir(ctx, "contour", "github.com/projectcontour/contour")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(gateway, "config", "crd", "standard", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list gateway api definitions: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("list gateway api definitions: none in %s", gateway)
	}
	return append(files, filepath.Join(contour, "examples", "contour", "01-crds.yaml")), nil
}

// applyCRDs applies the custom resource definitions in the files and waits
// until the API serves them. Objects of other kinds are left out.
func (c *Cluster) applyCRDs(ctx context.Context, files []string) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	definitions := client.Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, file := range files {
		objects, err := readCRDs(file)
		if err != nil {
			return err
		}
		for _, object := range objects {
			group.Go(func() error { return applyCRD(ctx, definitions, object) })
		}
	}
	return group.Wait()
}

// applyCRD applies one definition and waits until it is established.
func applyCRD(ctx context.Context, definitions dynamic.ResourceInterface, object *unstructured.Unstructured) error {
	applied, err := definitions.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	for err == nil && !established(applied) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for definition %s: %w", object.GetName(), context.Cause(ctx))
		case <-time.After(pollEvery):
		}
		applied, err = definitions.Get(ctx, object.GetName(), metav1.GetOptions{})
	}
	if err != nil {
		return fmt.Errorf("apply definition %s: %w", object.GetName(), err)
	}
	return nil
}

// established says whether a definition's resources are served.
func established(definition *unstructured.Unstructured) bool {
	conditions, _, err := unstructured.NestedSlice(definition.Object, "status", "conditions")
	return err == nil && slices.ContainsFunc(conditions, func(condition any) bool {
		fields, ok := condition.(map[string]any)
		return ok && fields["type"] == "Established" && fields["status"] == "True"
	})
}

// readCRDs reads the definitions of a file of several documents.
func readCRDs(file string) ([]*unstructured.Unstructured, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read definitions %s: %w", file, err)
		}
		if object.GetKind() == "CustomResourceDefinition" {
			// A leftover of generators, which apply would refuse to own.
			unstructured.RemoveNestedField(object.Object, "status")
			objects = append(objects, object)
		}
	}
}

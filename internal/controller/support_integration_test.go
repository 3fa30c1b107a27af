//go:build integration

package controller_test

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type unstructuredObject = unstructured.Unstructured

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func text(cell any) string { return fmt.Sprint(cell) }

package manifest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/config"
)

// User is as whom gatemend acts where it is looked at what it may do and what it did: the API server's audit log tells
// its requests from everybody else's.
const User = "gatemend"

// Grant gives [User] what gatemend's own manifests say that it needs to read, to mend and to open, and no more.
func (c *Client) Grant(ctx context.Context) error {
	var objects []runtime.Object
	for _, file := range []string{"rbac/reader.yaml", "rbac/mender.yaml"} {
		data, err := fs.ReadFile(config.Files(), file)
		if err != nil {
			return fmt.Errorf("read gatemend's manifests: %w", err)
		}
		for text := range bytes.SplitSeq(data, []byte("\n---\n")) {
			role := &rbacv1.ClusterRole{}
			if err := yaml.UnmarshalStrict(text, role); err != nil {
				return fmt.Errorf("read gatemend's manifests: %s: %w", file, err)
			}
			objects = append(objects, role, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: role.Name},
				Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: User}},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			})
		}
	}
	return c.Apply(ctx, objects...)
}

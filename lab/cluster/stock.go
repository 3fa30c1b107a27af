package cluster

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/image"
)

// pauseImage is what every pod needs.
const pauseImage = "pause"

// stock tells how one of the lab's images is made: from a program of the same
// name, at the top of the image, and what else goes in.
type stock struct {
	// host is a program of the host that goes in as well.
	host string
	// packages bring that program.
	packages []binary.Package
	// dynamic programs need their libraries.
	dynamic bool
	// folders are the ones that the programs write to.
	folders []string
}

// stocks maps the names of the lab's images to how they are made.
func stocks() map[string]stock {
	return map[string]stock{
		pauseImage: {},
		"shop":     {},
		"contour":  {},
		"envoy":    {dynamic: true},
		"haproxy-gateway": {
			host: "haproxy", packages: binary.ProxyPackages(), dynamic: true,
			folders: []string{"/etc/haproxy", "/run/haproxy", "/var/lib/haproxy"},
		},
		"nginx-gateway": {
			host: "nginx", packages: binary.ProxyPackages(), dynamic: true,
			folders: []string{"/etc/nginx", "/run", "/var/lib/nginx", "/var/log/nginx"},
		},
	}
}

// Images lists the names of the images that Options.Images may hold, sorted.
// The full name that a pod's spec uses is that of image.Ref.
func Images() []string { return slices.Sorted(maps.Keys(stocks())) }

// BuildImage makes one of the lab's images, building and installing what it
// is made of.
func BuildImage(ctx context.Context, store *binary.Store, name string) (image.Archive, error) {
	how, ok := stocks()[name]
	if !ok {
		return image.Archive{}, fmt.Errorf("build image %q: the lab does not know it (it knows %v)", name, Images())
	}
	if err := store.Install(ctx, how.packages); err != nil {
		return image.Archive{}, err
	}
	programs, err := store.Ensure(ctx, name)
	if err != nil {
		return image.Archive{}, err
	}
	spec := image.Static(image.Ref(name), programs[name])
	spec.Folders = append(spec.Folders, how.folders...)
	if how.host != "" {
		program, err := binary.LookHost(how.host)
		if err != nil {
			return image.Archive{}, err
		}
		spec.Files = append(spec.Files, image.File{Path: "/usr/sbin/" + how.host, Source: program})
	}
	if how.dynamic {
		if spec, err = spec.WithLibraries(); err != nil {
			return image.Archive{}, err
		}
	}
	return image.Cache{Dir: filepath.Join(store.Dir, "images")}.Build(spec)
}

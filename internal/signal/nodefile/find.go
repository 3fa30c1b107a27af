package nodefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// source names a log for people, and is Signal.Source.
func (c Container) source() string {
	if c.Pod == "" {
		return c.Path
	}
	return c.Namespace + "/" + c.Pod + "/" + c.Name
}

// lostLink is a link that leads to no log.
type lostLink struct {
	Container
	why error
}

// find lists the logs below a folder, and the links there that lead to none.
func find(root string) (found []Container, lost []lostLink, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, nil, fmt.Errorf("look for logs: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		switch {
		case e.IsDir():
			if pod, ok := podFolder(e.Name()); ok {
				found = append(found, findPod(path, pod)...)
			}
		case !strings.HasSuffix(e.Name(), ".log"):
		default:
			c := linkName(e.Name())
			// The file that a link leads to lies beside its rotated ones.
			if c.Path, err = filepath.EvalSymlinks(path); err != nil {
				lost = append(lost, lostLink{c, err})
				continue
			}
			found = append(found, c)
		}
	}
	return found, lost, nil
}

// podFolder reads NAMESPACE_POD_UID, the name of a pod's folder in /var/log/pods.
func podFolder(name string) (Container, bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 {
		return Container{}, false
	}
	return Container{Namespace: parts[0], Pod: parts[1]}, true
}

// findPod lists the logs of a pod: CONTAINER/NUMBER.log.
func findPod(dir string, pod Container) (found []Container) {
	containers, err := os.ReadDir(dir)
	if err != nil {
		return nil // the pod went away
	}
	for _, c := range containers {
		if !c.IsDir() {
			continue
		}
		below := filepath.Join(dir, c.Name())
		files, err := os.ReadDir(below)
		if err != nil {
			continue // it went away
		}
		for _, f := range files {
			number, ok := strings.CutSuffix(f.Name(), ".log")
			if !ok || strings.Trim(number, "0123456789") != "" {
				continue
			}
			found = append(found, Container{Namespace: pod.Namespace, Pod: pod.Pod, Name: c.Name(), Path: filepath.Join(below, f.Name())})
		}
	}
	return found
}

// linkName reads POD_NAMESPACE_CONTAINER-ID.log, the name of a link in /var/log/containers.
func linkName(name string) Container {
	parts := strings.Split(strings.TrimSuffix(name, ".log"), "_")
	if len(parts) != 3 {
		return Container{}
	}
	i := strings.LastIndexByte(parts[2], '-')
	if i < 0 || len(parts[2])-i != len("-")+64 {
		return Container{}
	}
	return Container{Pod: parts[0], Namespace: parts[1], Name: parts[2][:i]}
}

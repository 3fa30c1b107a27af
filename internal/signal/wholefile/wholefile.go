// Package wholefile replaces files as a whole, so that a crash leaves either the old or the new one.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write replaces the file of a name, which only its owner may read then. The content is on the disk when it returns.
func Write(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

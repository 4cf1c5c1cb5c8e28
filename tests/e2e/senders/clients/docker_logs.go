// Docker Engine's logging drivers as its daemon uses them: docker_logs DRIVER [OPTION=VALUE ...] sends what standard
// input brings as what a container wrote to its standard output.
package main

import (
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/v2/daemon/logger"
	_ "github.com/moby/moby/v2/daemon/logger/fluentd"
	_ "github.com/moby/moby/v2/daemon/logger/gelf"
	_ "github.com/moby/moby/v2/daemon/logger/jsonfilelog"
	_ "github.com/moby/moby/v2/daemon/logger/splunk"
	_ "github.com/moby/moby/v2/daemon/logger/syslog"
)

func main() {
	driver, options := os.Args[1], map[string]string{}
	for _, option := range os.Args[2:] {
		name, value, _ := strings.Cut(option, "=")
		options[name] = value
	}
	info := logger.Info{
		Config:             options,
		ContainerID:        "8f2c1a9d0b7e4c6f8f2c1a9d0b7e4c6f8f2c1a9d0b7e4c6f8f2c1a9d0b7e4c6f",
		ContainerName:      "/cart-1",
		ContainerImageID:   "sha256:0123456789abcdef",
		ContainerImageName: "shop/cart:1.4",
		ContainerCreated:   time.Now(),
		ContainerLabels:    map[string]string{"com.example.team": "checkout"},
		ContainerEnv:       []string{"STAGE=test"},
		LogPath:            options["path"],
		DaemonName:         "docker",
	}
	delete(options, "path")
	if err := logger.ValidateLogOpts(driver, options); err != nil {
		log.Fatal(err)
	}
	create, err := logger.GetLogDriver(driver)
	if err != nil {
		log.Fatal(err)
	}
	sender, err := create(info)
	if err != nil {
		log.Fatal(err)
	}
	copier := logger.NewCopier(map[string]io.Reader{"stdout": os.Stdin}, sender)
	copier.Run()
	copier.Wait()
	if err := sender.Close(); err != nil {
		log.Fatal(err)
	}
}

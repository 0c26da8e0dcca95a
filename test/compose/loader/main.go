// Prints a compose file as `docker compose` resolves it, as JSON, or says what is wrong with it. It is compose-go, the library
// of docker compose: the command that comes with it reads neither environment nor profiles.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	text, err := load(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

// Variables come from the environment and from the files of COMPOSE_ENV_FILES; a .env that happens to be there is left alone.
func load(files []string) ([]byte, error) {
	var envFiles []string
	if names := os.Getenv("COMPOSE_ENV_FILES"); names != "" {
		envFiles = strings.Split(names, ",")
	}
	options, err := cli.NewProjectOptions(files,
		cli.WithOsEnv,
		func(options *cli.ProjectOptions) error {
			options.EnvFiles = envFiles
			return nil
		},
		cli.WithDotEnv,
		cli.WithDefaultProfiles(),
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}

package cli

import (
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func downCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster; its Git repositories and logs stay",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			if err := folder.Down(); err != nil {
				return err
			}
			s.printf("The cluster in %s is down.\n", folder)
			return nil
		},
	}
}

func infoCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "Print how to reach the cluster, as JSON",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			info, err := folder.Info()
			if err != nil {
				return err
			}
			return s.printJSON(info)
		},
	}
}

func kubeconfigCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the kubeconfig file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			info, err := folder.Info()
			if err == nil {
				s.printf("%s\n", info.Kubeconfig)
			}
			return err
		},
	}
}

func createRepoCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "create-repo NAME",
		Short: "Make an empty Git repository to push to, and print its URL",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			info, err := folder.Info()
			if err != nil {
				return err
			}
			if err := folder.CreateRepository(c.Context(), args[0]); err != nil {
				return err
			}
			s.printf("%s/%s.git\n", info.GitURL, args[0])
			return nil
		},
	}
}

// signalCommand is one that sends a component a signal.
func signalCommand(s *settings, use, short string, signal syscall.Signal) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			return folder.Signal(args[0], signal)
		},
	}
}

func restartCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "restart COMPONENT", Short: "Kill a component, and start it again", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := s.folder()
			if err != nil {
				return err
			}
			return folder.Restart(args[0])
		},
	}
}

func versionCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of what is inside",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return nil
			}
			s.printf("devcluster %s\n", info.Main.Version)
			for _, m := range info.Deps {
				switch m.Path {
				case "k8s.io/kubernetes", "go.etcd.io/etcd/server/v3", "sigs.k8s.io/kwok":
					s.printf("%s %s\n", m.Path, m.Version)
				}
			}
			return nil
		},
	}
}

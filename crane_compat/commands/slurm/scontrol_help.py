"""What ``scontrol help`` says."""

from __future__ import annotations

HELP = """\
scontrol [OPTIONS] [COMMAND]

Looks at a cluster and changes it.  Without a command, commands are read from
standard input.  Commands and entities may be shortened and written in any case.

Options (each is also a command of that name, but -u)
  -a, --all            also hidden partitions
  -d, --details        more about jobs and nodes
  -F, --future         also nodes in state FUTURE
  -h, --help           this text
      --hide           leave hidden partitions out again
  -M, --cluster=NAME   ask another cluster
  -o, --oneliner       a record on one line
  -Q, --quiet          nothing but what was asked for
  -u, --uid=USER       act as this user (root only)
  -v, --verbose        say more
  -V, --version        the version

Looking
  show ENTITY [NAME]            ENTITY: aliases config daemons hostlist hostlistsorted
                                hostnames job license node partition reservation step
                                topology …
  completing                    jobs whose nodes are not free yet
  explain JOB                   why it waits, and what would let it start
  errnumstr NUMBER              the text of an error
  listjobs, liststeps           what runs on this host
  getaddrs NODES                where nodes are reached
  listpids [JOB[.STEP] [NODE]]  its processes
  pidinfo PID                   the job of a process
  ping                          is the controller there?
  version                       the version
  wait_job JOB                  wait until the job has its nodes
  write batch_script JOB [FILE] the job's script; FILE may be -
  write config [FILE]           the configuration in force

Jobs
  hold|uhold|release JOBS       keep from starting, let start again; also jobname=NAME
  requeue JOBS                  back into the queue
  requeuehold JOBS              back into the queue, held
  suspend|resume JOBS           stop and continue
  top JOBS                      first in the queue
  notify JOB TEXT               write into the job's output

Changing
  update ENTITY=NAME KEY=VALUE… a job, step, node or partition
  create ENTITY=NAME KEY=VALUE… a partition or a node
  delete ENTITY=NAME            a partition or a node
  power up|down [ASAP|FORCE] NODES
  reboot [ASAP] [nextstate=…] [reason=…] NODES
  cancel_reboot NODES

The daemons
  reconfigure                   read the configuration again
  shutdown                      end controller and node daemons
  token [lifespan=…] [username=…]

In a session
  exit, quit                    end it
  !!                            the last command again
  all, hide, details, oneliner, quiet, verbose
"""

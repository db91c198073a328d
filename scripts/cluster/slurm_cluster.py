"""A Slurm of one machine, whose whole state lies in one directory, with terminals standing in for GPUs."""

import os
import pathlib
import socket
import subprocess
import time

CONFIGURATION = """\
ClusterName=punica
SlurmctldHost={host}
SlurmUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
# Comments are how the pool knows its jobs again.
AccountingStoreFlags=job_comment
MinJobAge=60
KillWait=30
SchedulerParameters=batch_sched_delay=1,sched_interval=5,bf_interval=5
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
"""

def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SlurmCluster:
    """Started and stopped by `with`."""

    def __init__(self, directory, gpus=4):
        self.directory = pathlib.Path(directory)
        self.gpus = gpus
        self.daemons = []
        self.environment = dict(os.environ, SLURM_CONF=str(self.directory / "slurm.conf"))

    def __enter__(self):
        self.write_files()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def write_files(self):
        for folder in ["state", "spool", "logs"]:
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        key = self.directory / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        values = dict(
            host=socket.gethostname().split(".")[0],
            directory=self.directory,
            controller_port=free_port(),
            node_port=free_port(),
            cpus=os.cpu_count(),
            gpus=self.gpus,
        )
        (self.directory / "slurm.conf").write_text(CONFIGURATION.format(**values))
        files = f"/dev/tty[0-{self.gpus - 1}]"
        (self.directory / "gres.conf").write_text(f"AutoDetect=off\nName=gpu File={files}\n")

    def start(self):
        at = self.directory
        self.daemon(
            ["munged", "--foreground", "--force", f"--key-file={at}/munge.key", f"--socket={at}/munge.socket"]
            + [f"--pid-file={at}/munged.pid", f"--seed-file={at}/munge.seed", f"--log-file={at}/munged.log"]
        )
        self.wait("munged", lambda: (at / "munge.socket").exists())
        self.daemon(["slurmctld", "-D", "-c"])
        self.daemon(["slurmd", "-D"])
        self.wait("Slurm's node", lambda: self.node_state() == "idle")

    def daemon(self, command):
        log = open(self.directory / f"{command[0]}.out", "ab")
        self.daemons.append(
            subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        )

    def node_state(self):
        return self.command("sinfo", "--noheader", "--format=%t", check=False).strip()

    def wait(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} is not ready after {seconds} s; see {self.directory}/*.log")
            time.sleep(0.2)

    def command(self, *words, check=True):
        result = subprocess.run(words, env=self.environment, capture_output=True, text=True)
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {result.stderr}")
        return result.stdout

    def jobs(self):
        """Name and state of each job that Slurm still does something with."""
        lines = self.command("squeue", "--noheader", "--format=%i|%j|%T").splitlines()
        return [tuple(line.split("|")) for line in lines]

    def stop(self):
        for identifier, _, _ in self.jobs_if_reachable():
            self.command("scancel", identifier, check=False)
        try:
            self.wait("the end of all jobs", lambda: not self.jobs_if_reachable(), seconds=40)
        except TimeoutError as error:
            print(error)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def jobs_if_reachable(self):
        try:
            return self.jobs()
        except (RuntimeError, OSError):
            return []

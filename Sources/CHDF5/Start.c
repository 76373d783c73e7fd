// In the process that asks: starts the child, and says how much it may take.
#define _GNU_SOURCE
#include "Survey.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t graft_hdf5_answer_limit(int64_t length) {
    int64_t limit = (int64_t)24 << 20, most = (int64_t)256 << 20;
    return length > (most - limit) / 16 ? most : limit + 16 * length;
}

int64_t graft_hdf5_processor_seconds(int64_t length) {
    int64_t seconds = 1 + length / (64 << 20), most = 60;
    return seconds < most ? seconds : most;
}

int graft_hdf5_start_survey(int file, int64_t offset, int64_t length, int *answer, pid_t *child) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
    // Away from the numbers that they get in the child, where one would take the other's place.
    int source = fcntl(file, F_DUPFD_CLOEXEC, 16);
    int target = fcntl(pipes[1], F_DUPFD_CLOEXEC, 16);
    close(pipes[1]);
    char numbers[2][32];
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)offset);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)length);
    char *arguments[] = {(char *)graft_survey_program, numbers[0], numbers[1], NULL};
    char path[4096] = "LD_LIBRARY_PATH=";
    const char *libraries = getenv("LD_LIBRARY_PATH");
    if (libraries && strlen(libraries) < sizeof path - 32) strcat(path, libraries);
    char *environment[] = {path, "HDF5_USE_FILE_LOCKING=FALSE", "OPENBLAS_NUM_THREADS=1", NULL};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
    posix_spawn_file_actions_adddup2(&actions, source, FILE_DESCRIPTOR);
    posix_spawn_file_actions_adddup2(&actions, target, ANSWER_DESCRIPTOR);
    posix_spawn_file_actions_addclosefrom_np(&actions, ANSWER_DESCRIPTOR + 1);
    int code = source < 0 || target < 0
        ? EMFILE : posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    if (code != 0) {
        close(pipes[0]);
        return code;
    }
    *answer = pipes[0];
    return 0;
}

#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/client.h"
#include "log.h"

enum {
    CLIENTS_MAX = 16, /* others wait in the socket's backlog */
    BUSY_WAIT_MS = 1, /* while workers copy sessions for a listing */
};

struct control {
    struct control_state state;
    char *path;
    int listener;
    int waker; /* or -1: whose input ends the wait as well */
    struct client *clients[CLIENTS_MAX];
};

static bool somebody_listens(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    if (fd < 0)
        return false;
    connected = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    close(fd);
    return connected;
}

/* What a process that was killed has left behind is removed; anything else is not ours to. */
static bool clear_path(const struct sockaddr_un *address, char *error) {
    struct stat status;

    if (lstat(address->sun_path, &status) < 0)
        return true;
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(error, CONTROL_ERROR_BYTES,
                 "control socket %s: exists and is not a socket (choose another --control-socket)",
                 address->sun_path);
        return false;
    }
    if (somebody_listens(address)) {
        snprintf(error, CONTROL_ERROR_BYTES,
                 "control socket %s: another process listens on it (stop it, or choose another "
                 "--control-socket)",
                 address->sun_path);
        return false;
    }
    unlink(address->sun_path);
    return true;
}

static int listen_on(const char *path, char *error) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(error, CONTROL_ERROR_BYTES,
                 "control socket %s: the path is too long (at most %zu bytes)", path,
                 sizeof(address.sun_path) - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (!clear_path(&address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        chmod(path, 0600) == 0 && listen(fd, CLIENTS_MAX) == 0)
        return fd;
    snprintf(error, CONTROL_ERROR_BYTES,
             "control socket %s: %s (the directory must exist and be writable)", path,
             strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct control *control_create(const char *path, struct dataplane *dataplane, uint64_t now_ms,
                               char error[CONTROL_ERROR_BYTES]) {
    struct control *control = calloc(1, sizeof(*control));

    if (control == NULL || (control->path = strdup(path)) == NULL) {
        snprintf(error, CONTROL_ERROR_BYTES, "control socket %s: out of memory", path);
        free(control);
        return NULL;
    }
    control->state.dataplane = dataplane;
    control->state.started_ms = now_ms;
    control->state.now_ms = now_ms;
    control->waker = -1;
    control->listener = listen_on(path, error);
    if (control->listener < 0) {
        free(control->path);
        free(control);
        return NULL;
    }
    return control;
}

static struct client **free_place(struct control *control) {
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (control->clients[i] == NULL)
            return &control->clients[i];
    return NULL;
}

static void accept_client(struct control *control, struct client **place) {
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0)
        *place = client_create(fd, &control->state);
}

void control_wake_on(struct control *control, int fd) {
    control->waker = fd;
}

void control_poll(struct control *control, uint64_t now_ms, int wait_ms) {
    struct pollfd fds[CLIENTS_MAX + 2];
    struct client **place = free_place(control);

    control->state.now_ms = now_ms;
    fds[CLIENTS_MAX] =
        (struct pollfd){ .fd = place != NULL ? control->listener : -1, .events = POLLIN };
    fds[CLIENTS_MAX + 1] = (struct pollfd){ .fd = control->waker, .events = POLLIN };
    for (int i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = control->clients[i];

        fds[i] = (struct pollfd){ .fd = -1 };
        if (client == NULL)
            continue;
        fds[i].fd = client_fd(client);
        fds[i].events = client_events(client);
        if (client_busy(client) && wait_ms > BUSY_WAIT_MS)
            wait_ms = BUSY_WAIT_MS;
    }
    if (poll(fds, CLIENTS_MAX + 2, wait_ms) < 0)
        return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client **client = &control->clients[i];

        if (*client == NULL || (fds[i].revents == 0 && !client_busy(*client)))
            continue;
        if ((fds[i].revents & POLLERR) != 0 ||
            !client_step(*client, (fds[i].revents & (POLLIN | POLLHUP)) != 0)) {
            client_destroy(*client);
            *client = NULL;
        }
    }
    if (fds[CLIENTS_MAX].revents & POLLIN)
        accept_client(control, place);
}

void control_destroy(struct control *control) {
    if (control == NULL)
        return;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (control->clients[i] != NULL)
            client_destroy(control->clients[i]);
    close(control->listener);
    unlink(control->path);
    if (control->state.held != NULL)
        sluice__ld__v1__ld_config__free_unpacked(control->state.held, NULL);
    free(control->path);
    free(control);
}

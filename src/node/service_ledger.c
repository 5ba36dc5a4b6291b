/* A service's ledger: where it lies, what begins and ends it, and the report that it is read for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "node/service_inside.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

enum { LEAVE_FREE_BYTES = 64 << 20 };

/* A name that is new in the folder, and the file. */
static int make_ledger(struct service *service, struct tt_error *err)
{
    char stamp[32], place[64];
    time_t now = time(NULL);
    struct tm local;
    int fd;

    (void)localtime_r(&now, &local);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &local);
    for (uint32_t n = 0; n < 100; n++) {
        (void)snprintf(place, sizeof(place), n == 0 ? "" : "-%u", n);
        (void)snprintf(service->ledger, sizeof(service->ledger), "%s/ledgers/%s-%s%s.ledger",
                       service->node->state, service->picture->name, stamp, place);
        if (service->ledger_fd >= 0) { /* the user's own file; ours is a name for it */
            char target[PATH_MAX], link[64];
            ssize_t length;

            (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", service->ledger_fd);
            length = readlink(link, target, sizeof(target) - 1);
            if (length <= 0)
                return -errno;
            target[length] = '\0';
            if (symlink(target, service->ledger) < 0 && errno == EEXIST)
                continue;
            (void)lchown(service->ledger, service->uid, service->gid);
            (void)snprintf(service->ledger, sizeof(service->ledger), "%s", target);
            return 0;
        }
        fd = open(service->ledger, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return tt_fail(err, -errno, "cannot make the ledger '%s': %s", service->ledger,
                           strerror(errno));
        (void)!fchown(fd, service->uid, service->gid);
        service->ledger_fd = fd;
        return 0;
    }
    return tt_fail(err, -EEXIST, "cannot find a new name for '%s'", service->ledger);
}

/* A loss that a sink has of its own, else the service's. */
static double *sink_losses(const struct tt_picture *picture)
{
    double *losses = calloc(picture->sink_count + 1, sizeof(*losses));

    for (uint32_t n = 0; losses != NULL && n < picture->component_count; n++) {
        const struct tt_picture_component *sink = &picture->components[n];
        struct tt_rational loss = sink->loss.den > 0 ? sink->loss : picture->loss;

        for (uint32_t pin = 0; sink->sink >= 0 && pin < sink->in_count; pin++)
            if ((uint32_t)sink->sink + pin < picture->sink_count && loss.den > 0)
                losses[(uint32_t)sink->sink + pin] = (double)loss.num / (double)loss.den;
    }
    return losses;
}

struct tt_report *service_report_open(const struct service *service)
{
    const struct tt_picture *picture = service->picture;
    double *losses = sink_losses(picture);
    const char **components = calloc(picture->component_count + 1, sizeof(*components));
    char **sinks = agreement_sinks(picture);
    struct tt_report *report = NULL;

    for (uint32_t n = 0; components != NULL && n < picture->component_count; n++)
        components[n] = picture->components[n].name;
    if (components != NULL && sinks != NULL)
        report = tt_report_open(&(struct tt_report_params){
            .service = picture->name,
            .class = service->class_name,
            .class_reason = service->class_reason,
            .is_promised = service->is_promised,
            .is_paced = picture->is_live,
            .deadline_ns = picture->deadline_ns,
            .loss =
                picture->loss.den > 0 ? (double)picture->loss.num / (double)picture->loss.den : 0,
            .sink_loss = losses,
            .sinks = (const char *const *)sinks,
            .sink_count = picture->sink_count,
            .components = components,
            .component_count = picture->component_count});
    free(components);
    free(sinks);
    free(losses);
    return report;
}

void service_ledger_begin(struct service *service, int64_t epoch_ns)
{
    struct agreement_params params = {.node = service->node,
                                      .picture = service->picture,
                                      .plan = service->plan,
                                      .print = service->print,
                                      .class_name = service->class_name,
                                      .class_reason = service->class_reason,
                                      .is_promised = service->is_promised,
                                      .epoch_ns = epoch_ns,
                                      .budget_ns = run_budget_ns(service->run)};
    struct tt_error err = {0};
    json_t *agreement;
    bool is_ours = service->ledger_fd < 0;
    int r = make_ledger(service, &err), fd = service->ledger_fd;

    service->ledger_fd = -1;
    if (r == 0)
        r = scribe_open(fd, service->node->key, &service->scribe, &err);
    else if (fd >= 0)
        (void)close(fd);
    if (r < 0) { /* the promise is kept without its proof rather than not at all */
        service->ledger[0] = '\0';
        service_note(service, err.text[0] != '\0' ? err.text : "there is no ledger");
        return;
    }
    if (is_ours)
        scribe_leave_free(service->scribe, LEAVE_FREE_BYTES);
    agreement = agreement_make(&params);
    scribe_put_json(service->scribe, TT_PART_AGREEMENT, agreement);
    json_decref(agreement);
}

void service_ledger_note_full(struct service *service)
{
    char text[PATH_MAX + 128];

    if (service->is_full_told || service->scribe == NULL || scribe_failure(service->scribe) == 0)
        return;
    service->is_full_told = true;
    (void)snprintf(text, sizeof(text),
                   "the ledger cannot be written and ends here, the service goes on: %s: ledger=%s",
                   strerror(-scribe_failure(service->scribe)), service->ledger);
    fprintf(stderr, "service %s: %s\n", service->picture->name, text);
    service_note(service, text);
}

/* The count closes the chain; the head it leaves is what a copy of the ledger is held against. */
json_t *service_ledger_close(struct service *service, const char *reason)
{
    struct run_figures figures = run_figures(service->run);
    struct pump_counts counts = pump_counts(run_pump(service->run));
    struct tt_report_extra extra = {.first_frame_ns = figures.first_frame_ns,
                                    .cpu_ns = figures.cpu_ns,
                                    .switches = figures.switches,
                                    .ledger = service->ledger,
                                    .ledger_head = ""};
    char head[2 * TT_HASH_BYTES + 1] = "", *text = tt_report_print(service->report, &extra);
    json_t *count;

    if (service->scribe != NULL) {
        count = json_pack("{sI sI sI sI ss so}", "frames", (json_int_t)counts.frames, "hops",
                          (json_int_t)counts.hops, "events", (json_int_t)counts.events, "refused",
                          (json_int_t)counts.refused, "end", reason, "report",
                          text != NULL ? json_loads(text, 0, NULL) : json_null());
        scribe_put_json(service->scribe, TT_PART_COUNT, count);
        json_decref(count);
        service_ledger_note_full(service);
        scribe_head(service->scribe, head);
    }
    free(text);
    extra.ledger_head = head;
    text = tt_report_print(service->report, &extra);
    count = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return count;
}

/* tactusd writes to it itself: what could keep a write waiting would hold up everybody's services.
 * A file of FUSE is a program of somebody's, and is recognised before anything else is asked of it.
 */
int service_ledger_check(int fd, struct tt_error *err)
{
    struct statfs system;
    struct stat about;
    int flags = fcntl(fd, F_GETFL);

    if (fstatfs(fd, &system) < 0 || system.f_type == FUSE_SUPER_MAGIC)
        return tt_fail(err, -EINVAL,
                       "the ledger cannot lie on a file system that a program provides (FUSE); "
                       "name a file on a disk");
    if (flags < 0 || fstat(fd, &about) < 0 || !S_ISREG(about.st_mode))
        return tt_fail(err, -EINVAL,
                       "the ledger must be a regular file, not a pipe, a socket or a device; write "
                       "it to a file and read it from there");
    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
        return tt_fail(err, -EINVAL, "the ledger is not open for writing");
    return 0;
}

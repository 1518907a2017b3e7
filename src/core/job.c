/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/job.h"

#include <errno.h>
#include <stddef.h>

#include "base/log.h"
#include "core/guest.h"
#include "ipc/ev.h"

/* virDomainJobOperation (libvirt-domain.h); it has no word for the rest */
#define OPERATION_UNKNOWN 0
#define OPERATION_START 1

static const struct {
	const char *name;
	int operation;
	bool by_client;           /* domjobabort may break it off */
} kinds[] = {
	[JOB_START] = { "start", OPERATION_START, true },
	[JOB_ADOPT] = { "adopt", OPERATION_UNKNOWN, false },
	[JOB_STOP]  = { "stop", OPERATION_UNKNOWN, false },
};

static struct job *jobs;          /* all that are under way */
static uint64_t last_id;

const char *job_name(const struct job *j)
{
	return kinds[j->kind].name;
}

int job_operation(const struct job *j)
{
	return kinds[j->kind].operation;
}

uint64_t job_elapsed_ms(const struct job *j)
{
	return ipc_ev_ms() - j->since_ms;
}

int job_begin(struct job *j, struct guest *g, struct err *err)
{
	const struct job *old = g->job;

	if (old)
		return err_set(err, -EBUSY, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain '%s' is busy: %s job %llu, "
			       "step %u of %u, for %llu ms", g->name, job_name(old),
			       (unsigned long long)old->id, old->done, old->total,
			       (unsigned long long)job_elapsed_ms(old));
	j->id = ++last_id;
	j->guest = g;
	j->since_ms = ipc_ev_ms();
	j->aborted = false;
	j->next = jobs;
	j->link = &jobs;
	if (jobs)
		jobs->link = &j->next;
	jobs = j;
	g->job = j;
	log_debug("domain '%s': %s job %llu", g->name, job_name(j), (unsigned long long)j->id);
	return 0;
}

void job_end(struct job *j)
{
	if (!j->guest)
		return;
	log_debug("domain '%s': %s job %llu ends after %llu ms", j->guest->name, job_name(j),
		  (unsigned long long)j->id, (unsigned long long)job_elapsed_ms(j));
	j->guest->job = NULL;
	j->guest = NULL;
	*j->link = j->next;
	if (j->next)
		j->next->link = j->link;
}

void job_break_off(struct job *j)
{
	if (j->aborted || !j->abort)
		return;
	log_info("domain '%s': %s job %llu is broken off in step %u of %u", j->guest->name,
		 job_name(j), (unsigned long long)j->id, j->done, j->total);
	j->aborted = true;
	j->abort(j);
}

int job_abort(struct guest *g, struct err *err)
{
	struct job *j = g->job;

	if (!j)
		return err_set(err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: no job is active on the domain");
	if (!kinds[j->kind].by_client)
		return err_set(err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: cannot abort %s job %llu of domain "
			       "'%s'", job_name(j), (unsigned long long)j->id, g->name);
	job_break_off(j);
	return 0;
}

void job_client_gone(struct client *c)
{
	struct job *next;

	for (struct job *j = jobs; j; j = next) {
		next = j->next;
		if (j->owner != c)
			continue;
		j->owner = NULL;
		if (j->orphan == JOB_ENDS)
			job_break_off(j);
	}
}

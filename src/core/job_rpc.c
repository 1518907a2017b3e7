/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs as clients ask for them: domjobinfo, domjobabort, domcontrol. */
#include "core/args.h"
#include "core/client.h"
#include "core/job.h"
#include "core/params.h"

/* virDomainJobType, virDomainGetJobStatsFlags, virDomainControlState */
#define TYPE_NONE 0
#define TYPE_UNBOUNDED 2          /* it has an end, but nobody can say when */
#define STATS_COMPLETED 1u
#define STATS_KEEP_COMPLETED 2u
#define CONTROL_OK 0
#define CONTROL_JOB 1

int remote_on_domain_get_job_info(struct ipc_call *call,
				  const struct remote_domain_get_job_info_args *args)
{
	struct remote_domain_get_job_info_ret ret = { .type = TYPE_NONE };
	struct guest *g = client_running(call, &args->dom);

	if (!g)
		return -EINVAL;
	if (g->job) {
		ret.type = TYPE_UNBOUNDED;
		ret.timeElapsed = job_elapsed_ms(g->job);
	}
	return remote_reply_domain_get_job_info(call, &ret);
}

int remote_on_domain_get_job_stats(struct ipc_call *call,
				   const struct remote_domain_get_job_stats_args *args)
{
	struct remote_domain_get_job_stats_ret ret = { .type = TYPE_NONE };
	struct params p = { .arena = call->arena };
	bool completed = args->flags & STATS_COMPLETED;
	struct guest *g;
	int rc = args_flags(call, args->flags, STATS_COMPLETED | STATS_KEEP_COMPLETED);

	if (rc)
		return rc;
	/* no kind of job there is now leaves figures behind; for one that did, off is no error */
	g = completed ? client_guest(call, &args->dom) : client_running(call, &args->dom);
	if (!g)
		return -EINVAL;
	if (g->job && !completed) {
		ret.type = TYPE_UNBOUNDED;
		params_int(&p, "operation", 0, job_operation(g->job));
		params_ullong(&p, "time_elapsed", 0, job_elapsed_ms(g->job));
		rc = params_end(&p, &call->err);
		ret.params = p.list;
		ret.n_params = p.n;
	}
	return rc ? rc : remote_reply_domain_get_job_stats(call, &ret);
}

static int abort_job(struct ipc_call *call, const struct remote_nonnull_domain *dom, uint32_t flags)
{
	struct guest *g = client_running(call, dom);
	int rc = g ? args_flags(call, flags, 0) : -EINVAL;

	if (!rc)
		rc = job_abort(g, &call->err);
	return rc ? rc : ipc_reply(call, NULL, NULL, 0);
}

int remote_on_domain_abort_job(struct ipc_call *call,
			       const struct remote_domain_abort_job_args *args)
{
	return abort_job(call, &args->dom, 0);
}

int remote_on_domain_abort_job_flags(struct ipc_call *call,
				     const struct remote_domain_abort_job_flags_args *args)
{
	return abort_job(call, &args->dom, args->flags);
}

int remote_on_domain_get_control_info(struct ipc_call *call,
				      const struct remote_domain_get_control_info_args *args)
{
	struct remote_domain_get_control_info_ret ret = { .state = CONTROL_OK };
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? args_flags(call, args->flags, 0) : -EINVAL;

	if (rc)
		return rc;
	if (g->job) {
		ret.state = CONTROL_JOB;
		ret.stateTime = job_elapsed_ms(g->job);
	}
	return remote_reply_domain_get_control_info(call, &ret);
}

"""The function in the database that takes due jobs and finishes them, for what runs ``together``."""

from trustengine.stored_functions import StoredFunction

# In the order of their turn: either one job that has failed before, or as many as fit that have not.
# ``seen`` is how many were due and not another's.
FINISH = StoredFunction(
    "jobs_finish",
    "text, integer",
    """
CREATE OR REPLACE FUNCTION jobs_finish(_kind text, _limit integer)
RETURNS TABLE (id uuid, key varchar, attempts smallint, seen bigint) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT id, attempts, priority, run_at FROM jobs_job
        WHERE kind = _kind AND state = 'ready' AND run_at <= statement_timestamp()
        ORDER BY priority, run_at, id LIMIT _limit FOR UPDATE SKIP LOCKED
    ), first AS (
        SELECT id, attempts FROM due ORDER BY priority, run_at, id LIMIT 1
    )
    UPDATE jobs_job AS job
    SET state = 'done', attempts = job.attempts + 1, error_details = NULL,
        claimed_at = statement_timestamp(), finished_at = statement_timestamp()
    FROM due, first
    WHERE job.id = due.id AND (due.id = first.id OR (due.attempts = 0 AND first.attempts = 0))
    RETURNING job.id, job.key, job.attempts, (SELECT count(*) FROM due);
END
$$;
""",
)

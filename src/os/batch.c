/*
 * With many connections ready at once, a system call for each receive and each
 * send is most of what a small request costs. Here io_uring carries out all
 * receives of a wake-up in one call, then all sends:
 *
 *     epoll_wait -> submit receives -> run each, copy its replies -> submit
 *                   sends -> settle
 *
 * A reply is copied to a slice of its own, for the worker's reply buffer is
 * used again by the next session; what is too large for a slice is sent
 * directly. Nothing here waits: all operations are non-blocking, so they are
 * complete when the submit returns.
 */
#include "os/batch.h"

#ifdef KULA_LIBURING

#include "base/memory.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    /* Slices start at different cache sets: the odd lines in between. */
    SLICE_BYTES = 16 * 1024,
    SLICE_STRIDE = SLICE_BYTES + 64 * 5,
};

struct job {
    struct conn *conn;
    int result;        /* bytes, or -errno */
    uint32_t to_send;  /* bytes in the output slice */
    bool is_full_read; /* there may be more to read */
};

struct batch {
    struct io_uring ring;
    uint32_t count;
    struct job jobs[BATCH_MAX];
    char *input, *output; /* BATCH_MAX slices each */
};

static bool
open_ring(struct io_uring *ring)
{
    unsigned flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER;

    return io_uring_queue_init(BATCH_MAX, ring, flags) == 0;
}

bool
batch_is_possible(void)
{
    struct io_uring ring;

    if (!open_ring(&ring)) return false;
    io_uring_queue_exit(&ring);
    return true;
}

struct batch *
batch_new(void)
{
    struct batch *batch = mem_must_zero(sizeof(*batch));

    if (!open_ring(&batch->ring)) {
        mem_free(batch);
        return NULL;
    }
    (void)io_uring_register_ring_fd(&batch->ring);
    batch->input = mem_must((size_t)BATCH_MAX * SLICE_STRIDE);
    batch->output = mem_must((size_t)BATCH_MAX * SLICE_STRIDE);
    return batch;
}

void
batch_free(struct batch *batch)
{
    if (batch == NULL) return;
    io_uring_queue_exit(&batch->ring);
    mem_free(batch->input);
    mem_free(batch->output);
    mem_free(batch);
}

bool
batch_add(struct batch *batch, struct conn *conn)
{
    if (batch->count == BATCH_MAX) return false;
    batch->jobs[batch->count++] = (struct job){.conn = conn};
    return true;
}

static char *
slice(char *slices, uint32_t index)
{
    return slices + (size_t)index * SLICE_STRIDE;
}

/* Submits `wanted` operations and collects their results. */
static void
carry_out(struct batch *batch, uint32_t wanted)
{
    uint32_t done = 0;

    while (done < wanted) {
        struct io_uring_cqe *cqe;
        unsigned head, seen = 0;
        int code = io_uring_submit_and_wait(&batch->ring, wanted - done);

        ASSERT(code >= 0 || code == -EINTR || code == -EAGAIN ||
               code == -EBUSY);
        io_uring_for_each_cqe(&batch->ring, head, cqe)
        {
            batch->jobs[io_uring_cqe_get_data64(cqe)].result = cqe->res;
            seen++;
        }
        io_uring_cq_advance(&batch->ring, seen);
        done += seen;
    }
}

static void
receive_all(struct batch *batch)
{
    uint32_t i;

    for (i = 0; i < batch->count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&batch->ring);

        ASSERT(sqe != NULL); /* the ring has BATCH_MAX */
        io_uring_prep_recv(sqe, batch->jobs[i].conn->source.fd,
                           slice(batch->input, i), SLICE_BYTES, MSG_DONTWAIT);
        io_uring_sqe_set_data64(sqe, i);
    }
    carry_out(batch, batch->count);
}

/* Takes the replies into the job's slice, if they fit. */
static bool
take_output(struct loop *loop, struct job *job, char *out)
{
    struct bytes pieces[2];
    uint32_t count;

    if (job->conn->is_full) return false;
    count = worker_output(loop->worker, job->conn->session, pieces);
    if (count != 1 || pieces[0].size > SLICE_BYTES) return false;
    memcpy(out, pieces[0].data, pieces[0].size);
    job->to_send = (uint32_t)pieces[0].size;
    worker_sent(loop->worker, job->conn->session, pieces[0].size);
    return true;
}

static void
run_one(struct loop *loop, struct batch *batch, uint32_t index)
{
    struct job *job = &batch->jobs[index];
    struct session *session = job->conn->session;
    bool is_lost =
        job->result < 0 && job->result != -EAGAIN && job->result != -EINTR;

    if (is_lost || (session->client.flags & CLIENT_KILLED)) {
        conn_close(loop, job->conn);
        job->conn = NULL;
        return;
    }
    if (job->result < 0) return;
    if (job->result == 0) {
        job->conn->is_ended = true;
        return;
    }
    worker_input(loop->worker, session, slice(batch->input, index),
                 (size_t)job->result);
    job->conn->is_bulky = job->result > LOOP_BULK_BYTES;
    job->is_full_read = job->result == SLICE_BYTES;
    if (take_output(loop, job, slice(batch->output, index))) return;
    if (!conn_flush(loop, job->conn)) job->conn = NULL;
}

/* All keys that are about to be read or written are fetched side by side. */
static void
expect_all(struct loop *loop, struct batch *batch)
{
    struct expected_input inputs[BATCH_MAX];
    uint32_t count = 0, i;

    for (i = 0; i < batch->count; i++) {
        const struct job *job = &batch->jobs[i];

        if (job->result <= 0) continue;
        inputs[count++] = (struct expected_input){
            job->conn->session, slice(batch->input, i), (size_t)job->result};
    }
    worker_expect(loop->worker, inputs, count);
}

static void
send_all(struct batch *batch)
{
    uint32_t i, count = 0;

    for (i = 0; i < batch->count; i++) {
        struct job *job = &batch->jobs[i];
        struct io_uring_sqe *sqe;

        if (job->conn == NULL || job->to_send == 0) continue;
        sqe = io_uring_get_sqe(&batch->ring);
        ASSERT(sqe != NULL);
        io_uring_prep_send(sqe, job->conn->source.fd, slice(batch->output, i),
                           job->to_send, MSG_NOSIGNAL | MSG_DONTWAIT);
        io_uring_sqe_set_data64(sqe, i);
        count++;
    }
    if (count > 0) carry_out(batch, count);
}

static void
finish_one(struct loop *loop, struct batch *batch, uint32_t index)
{
    struct job *job = &batch->jobs[index];
    uint32_t sent = job->result > 0 ? (uint32_t)job->result : 0;

    if (job->conn == NULL || job->conn->session == NULL) return;
    if (job->to_send > 0 && job->result < 0 && job->result != -EAGAIN &&
        job->result != -EINTR && job->result != -ENOBUFS) {
        conn_close(loop, job->conn);
        return;
    }
    if (sent < job->to_send) {
        conn_keep(job->conn, bytes_of(slice(batch->output, index) + sent,
                                      job->to_send - sent));
    }
    if (conn_settle(loop, job->conn) && job->is_full_read &&
        (job->conn->interest & EPOLLIN)) {
        conn_readable(loop, job->conn);
    }
}

static void
finish_all(struct loop *loop, struct batch *batch)
{
    uint32_t i;

    send_all(batch);
    for (i = 0; i < batch->count; i++)
        finish_one(loop, batch, i);
    batch->count = 0;
}

void
batch_run(struct loop *loop)
{
    struct batch *batch = loop->batch;
    uint32_t i;

    if (batch->count < BATCH_LEAST) {
        for (i = 0; i < batch->count; i++) {
            if (batch->jobs[i].conn->session == NULL) continue;
            conn_readable(loop, batch->jobs[i].conn);
        }
        batch->count = 0;
        return;
    }
    receive_all(batch);
    expect_all(loop, batch);
    for (i = 0; i < batch->count; i++)
        run_one(loop, batch, i);
    finish_all(loop, batch);
}

void
batch_run_woken(struct loop *loop, struct conn *first)
{
    struct batch *batch = loop->batch;
    struct conn *conn, *next;

    ASSERT(batch->count == 0);
    for (conn = first; conn != NULL; conn = next) {
        next = conn->next_woken;
        conn->is_woken = false;
        conn->next_woken = NULL;
        if (conn->session == NULL) continue;
        if (conn->is_bulky || conn->is_full ||
            (conn->session->client.flags & CLIENT_KILLED)) {
            conn_continue(loop, conn);
            continue;
        }
        if (batch->count == BATCH_MAX) finish_all(loop, batch);
        batch->jobs[batch->count] = (struct job){.conn = conn};
        worker_input(loop->worker, conn->session, NULL, 0);
        if (!take_output(loop, &batch->jobs[batch->count],
                         slice(batch->output, batch->count)) &&
            !conn_flush(loop, conn)) {
            continue;
        }
        batch->count++;
    }
    finish_all(loop, batch);
}

#else

bool
batch_is_possible(void)
{
    return false;
}

struct batch *
batch_new(void)
{
    return NULL;
}

void
batch_free(struct batch *batch)
{
    ASSERT(batch == NULL);
}

bool
batch_add(struct batch *batch, struct conn *conn)
{
    (void)batch;
    (void)conn;
    return false;
}

void
batch_run(struct loop *loop)
{
    ASSERT(loop->batch == NULL);
}

void
batch_run_woken(struct loop *loop, struct conn *first)
{
    ASSERT(loop->batch == NULL && first == NULL);
}

#endif

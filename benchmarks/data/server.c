/* A stand-in for S3 over TLS that is quicker than any client here, so that the client is what is measured.
 *
 * Objects live in memory. One thread a connection, blocking. Signatures are not looked at. Speaks as much S3 as the
 * measured tools need: GET (ranges), HEAD, PUT (aws-chunked too), multipart, DELETE, DeleteObjects, ListObjectsV2.
 *
 *   server CERT KEY DELAY_MS      prints its port; DELAY_MS is added to every answer
 *
 * cc -O2 -o server server.c -lssl -lcrypto -lpthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 65536
#define BUCKETS (1u << 18)
#define SMALL (1 << 20) /* up to here ETags are real MD5s: some tools compare them */

typedef struct Segment {
    char *data;
    size_t size;
    bool block;
} Segment;

/* Small ones, and those that came in a coding, are one segment; the others blocks, so that parts are joined without
 * being copied and memory is used again without page faults: neither is what is measured here. */
typedef struct Body {
    Segment *segments;
    size_t count;
    size_t size;
    int refs;
} Body;

typedef struct Object {
    char *key;
    Body *body;
    char etag[48];
    struct Object *next;
} Object;

typedef struct Upload {
    int id;
    Body *parts[10001];
    struct Upload *next;
} Upload;

static Object *table[BUCKETS];
static Upload *uploads;
static size_t objects;
static Object **sorted;
static bool dirty = true;
static int next_upload = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int delay_ms;
static const char *DATE = "Fri, 20 Nov 2026 10:00:00 GMT";

#define BLOCK (2u << 20)
#define ARENA (64u << 20)
static void *blocks; /* those that are free, each pointing at the next */
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static char *take_block(void) {
    pthread_mutex_lock(&blocks_lock);
    if (!blocks) {
        char *arena = aligned_alloc(BLOCK, ARENA);
        if (!arena) abort();
        madvise(arena, ARENA, MADV_HUGEPAGE);
        for (size_t at = 0; at < ARENA; at += BLOCK) {
            *(void **)(arena + at) = blocks;
            blocks = arena + at;
        }
    }
    void *block = blocks;
    blocks = *(void **)block;
    pthread_mutex_unlock(&blocks_lock);
    return block;
}

static void give_block(void *block) {
    pthread_mutex_lock(&blocks_lock);
    *(void **)block = blocks;
    blocks = block;
    pthread_mutex_unlock(&blocks_lock);
}

static Segment *add_segment(Body *b, Segment segment) {
    if (b->count % 16 == 0) b->segments = realloc(b->segments, (b->count + 16) * sizeof *b->segments);
    b->segments[b->count] = segment;
    b->size += segment.size;
    return &b->segments[b->count++];
}

static unsigned hash(const char *s) {
    unsigned h = 2166136261u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
    return h % BUCKETS;
}

static Object *find(const char *key) {
    for (Object *o = table[hash(key)]; o; o = o->next)
        if (!strcmp(o->key, key)) return o;
    return NULL;
}

static void unref(Body *b) {
    if (b && __sync_sub_and_fetch(&b->refs, 1) == 0) {
        for (size_t i = 0; i < b->count; i++) {
            if (b->segments[i].block) give_block(b->segments[i].data);
            else free(b->segments[i].data);
        }
        free(b->segments);
        free(b);
    }
}

static void set_etag(Object *o, int parts) {
    if (parts) {
        snprintf(o->etag, sizeof o->etag, "%032zx-%d", o->body->size, parts);
    } else if (o->body->size <= SMALL && o->body->count <= 1) {
        unsigned char md[16];
        unsigned n;
        EVP_Digest(o->body->count ? o->body->segments[0].data : "", o->body->size, md, &n, EVP_md5(), NULL);
        for (int i = 0; i < 16; i++) sprintf(o->etag + 2 * i, "%02x", md[i]);
    } else {
        snprintf(o->etag, sizeof o->etag, "%032zx-1", o->body->size);
    }
}

static void store(const char *key, Body *body, int parts, char *etag) {
    Object fresh = {.body = body};
    set_etag(&fresh, parts);
    strcpy(etag, fresh.etag);
    pthread_mutex_lock(&lock);
    Object *o = find(key);
    if (!o) {
        o = calloc(1, sizeof *o);
        o->key = strdup(key);
        unsigned h = hash(key);
        o->next = table[h];
        table[h] = o;
        objects++;
        dirty = true;
    } else {
        unref(o->body);
    }
    o->body = body;
    strcpy(o->etag, fresh.etag);
    pthread_mutex_unlock(&lock);
}

static void drop(const char *key) {
    pthread_mutex_lock(&lock);
    for (Object **at = &table[hash(key)]; *at; at = &(*at)->next)
        if (!strcmp((*at)->key, key)) {
            Object *o = *at;
            *at = o->next;
            unref(o->body);
            free(o->key);
            free(o);
            objects--;
            dirty = true;
            break;
        }
    pthread_mutex_unlock(&lock);
}

static int by_key(const void *a, const void *b) {
    return strcmp((*(Object *const *)a)->key, (*(Object *const *)b)->key);
}

/* A connection */

typedef struct Conn {
    SSL *ssl;
    char in[HEAD_MAX + 1];
    size_t have;
} Conn;

static bool write_all(Conn *c, const char *data, size_t n) {
    while (n) {
        int did = SSL_write(c->ssl, data, n > 1 << 20 ? 1 << 20 : (int)n);
        if (did <= 0) return false;
        data += did;
        n -= did;
    }
    return true;
}

static bool more(Conn *c) {
    if (c->have >= HEAD_MAX) return false;
    int got = SSL_read(c->ssl, c->in + c->have, HEAD_MAX - c->have);
    if (got <= 0) return false;
    c->have += got;
    c->in[c->have] = 0;
    return true;
}

static bool read_n(Conn *c, char *to, size_t n) {
    size_t held = c->have < n ? c->have : n;
    memcpy(to, c->in, held);
    memmove(c->in, c->in + held, c->have - held + 1);
    c->have -= held;
    while (held < n) {
        int got = SSL_read(c->ssl, to + held, n - held > 1 << 20 ? 1 << 20 : (int)(n - held));
        if (got <= 0) return false;
        held += got;
    }
    return true;
}

static const char *header(const char *head, const char *name, char *out, size_t max) {
    size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, n) && line[2 + n] == ':') {
            const char *v = line + 3 + n;
            while (*v == ' ') v++;
            size_t len = strcspn(v, "\r\n");
            if (len >= max) len = max - 1;
            memcpy(out, v, len);
            out[len] = 0;
            return out;
        }
    return NULL;
}

static void unquote(char *s) {
    char *to = s;
    for (; *s; s++) {
        if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
            char two[3] = {s[1], s[2], 0};
            *to++ = (char)strtol(two, NULL, 16);
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
}

static const char *param(const char *query, const char *name, char *out, size_t max) {
    size_t n = strlen(name);
    for (const char *at = query; at && *at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL)
        if (!strncmp(at, name, n) && (at[n] == '=' || at[n] == '&' || !at[n])) {
            const char *v = at[n] == '=' ? at + n + 1 : at + n;
            size_t len = strcspn(v, "&");
            if (len >= max) len = max - 1;
            memcpy(out, v, len);
            out[len] = 0;
            unquote(out);
            return out;
        }
    return NULL;
}

static int answer_head(char *head, size_t max, int status, const char *extra, size_t n) {
    if (delay_ms) usleep(delay_ms * 1000);
    return snprintf(head, max,
                    "HTTP/1.1 %d X\r\nServer: AmazonS3\r\nx-amz-request-id: 1\r\nDate: %s\r\n%sContent-Length: %zu\r\n\r\n",
                    status, DATE, extra, n);
}

static bool answer(Conn *c, int status, const char *extra, const char *body, size_t n, bool head_only) {
    char head[2048];
    int len = answer_head(head, sizeof head, status, extra, n);
    if (head_only || !n) return write_all(c, head, len);
    if (n <= 12000 && (size_t)len < sizeof head) { /* one record, as a server with buffers does */
        char both[16384];
        memcpy(both, head, len);
        memcpy(both + len, body, n);
        return write_all(c, both, len + n);
    }
    return write_all(c, head, len) && write_all(c, body, n);
}

/* [first, end) of a body in several segments */
static bool answer_from(Conn *c, int status, const char *extra, Body *b, size_t first, size_t end) {
    char head[2048];
    if (!write_all(c, head, answer_head(head, sizeof head, status, extra, end - first))) return false;
    size_t at = 0;
    for (size_t i = 0; i < b->count && at < end; i++) {
        size_t stop = at + b->segments[i].size;
        if (stop > first) {
            size_t from = first > at ? first : at, to = end < stop ? end : stop;
            if (!write_all(c, b->segments[i].data + (from - at), to - from)) return false;
        }
        at = stop;
    }
    return true;
}

/* One line up to CRLF into `line`; false at the end of the connection. */
static bool read_line(Conn *c, char *line, size_t max) {
    char *end;
    while (!(end = memmem(c->in, c->have, "\r\n", 2)))
        if (!more(c)) return false;
    size_t n = end - c->in;
    if (n >= max) return false;
    memcpy(line, c->in, n);
    line[n] = 0;
    memmove(c->in, end + 2, c->have - n - 2 + 1);
    c->have -= n + 2;
    return true;
}

/* Transfer-Encoding: chunked */
static bool read_chunked(Conn *c, Segment *s) {
    char line[1024];
    size_t cap = 1 << 16;
    s->data = malloc(cap);
    for (;;) {
        if (!read_line(c, line, sizeof line)) return false;
        size_t n = strtoull(line, NULL, 16);
        if (!n) break;
        while (s->size + n + 1 > cap) s->data = realloc(s->data, cap *= 2);
        if (!read_n(c, s->data + s->size, n) || !read_line(c, line, sizeof line)) return false;
        s->size += n;
    }
    do
        if (!read_line(c, line, sizeof line)) return false;
    while (*line);
    return true;
}

/* Content-Encoding: aws-chunked, taken out in place: size in hex, CRLF, bytes, CRLF, …, 0, CRLF, trailers */
static void take_out(Segment *s, size_t decoded) {
    size_t at = 0, to = 0;
    while (to < decoded && at < s->size) {
        size_t n = strtoull(s->data + at, NULL, 16);
        char *line = memmem(s->data + at, s->size - at, "\r\n", 2);
        if (!n || !line) break;
        at = line + 2 - s->data;
        memmove(s->data + to, s->data + at, n);
        to += n;
        at += n + 2;
    }
    s->size = to;
}

static Body *read_body(Conn *c, const char *head, size_t length) {
    char text[64], coded[64];
    Body *b = calloc(1, sizeof *b);
    b->refs = 1;
    bool chunked = header(head, "transfer-encoding", text, sizeof text);
    bool in_coding = header(head, "x-amz-decoded-content-length", coded, sizeof coded);
    if (!chunked && !in_coding && length > SMALL) {
        while (b->size < length) {
            size_t n = length - b->size < BLOCK ? length - b->size : BLOCK;
            Segment *s = add_segment(b, (Segment){.data = take_block(), .size = n, .block = true});
            if (!read_n(c, s->data, n)) return NULL;
        }
        return b;
    }
    Segment s = {0};
    if (chunked) {
        if (!read_chunked(c, &s)) return NULL;
    } else {
        s.size = length;
        s.data = malloc(length + 1);
        if (!read_n(c, s.data, length)) return NULL;
    }
    if (in_coding) take_out(&s, strtoull(coded, NULL, 10));
    s.data[s.size] = 0;
    add_segment(b, s);
    return b;
}

static bool list(Conn *c, const char *query) {
    char prefix[2048] = "", token[2048] = "", most[16] = "1000", start[2048] = "";
    param(query, "prefix", prefix, sizeof prefix);
    param(query, "start-after", start, sizeof start);
    if (param(query, "continuation-token", token, sizeof token)) strcpy(start, token);
    param(query, "max-keys", most, sizeof most);
    size_t room = atoi(most), cap = 1 << 16, n = 0;
    char *out = malloc(cap);
    pthread_mutex_lock(&lock);
    if (dirty) {
        sorted = realloc(sorted, (objects + 1) * sizeof *sorted);
        size_t k = 0;
        for (unsigned i = 0; i < BUCKETS; i++)
            for (Object *o = table[i]; o; o = o->next) sorted[k++] = o;
        qsort(sorted, objects, sizeof *sorted, by_key);
        dirty = false;
    }
    size_t lo = 0, hi = objects;
    while (lo < hi) { /* the first key after `start` and not before `prefix` */
        size_t mid = (lo + hi) / 2;
        if (strcmp(sorted[mid]->key, prefix) < 0 || (*start && strcmp(sorted[mid]->key, start) <= 0)) lo = mid + 1;
        else hi = mid;
    }
    size_t count = 0;
    bool truncated = false;
    char last[2048] = "", *items = malloc(cap);
    for (; lo < objects; lo++) {
        Object *o = sorted[lo];
        if (strncmp(o->key, prefix, strlen(prefix))) break;
        if (count == room) {
            truncated = true;
            break;
        }
        if (n + 4096 > cap) items = realloc(items, cap *= 2);
        n += snprintf(items + n, cap - n,
                      "<Contents><Key>%s</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified><ETag>&quot;%s&quot;</ETag>"
                      "<Size>%zu</Size><StorageClass>STANDARD</StorageClass></Contents>",
                      o->key, o->etag, o->body->size);
        strcpy(last, o->key);
        count++;
    }
    pthread_mutex_unlock(&lock);
    out = realloc(out, n + 8192);
    int len = sprintf(out,
                      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
                      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bench</Name><Prefix>%s</Prefix>"
                      "<KeyCount>%zu</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>%s</IsTruncated>",
                      prefix, count, truncated ? "true" : "false");
    if (truncated) len += sprintf(out + len, "<NextContinuationToken>%s</NextContinuationToken>", last);
    memcpy(out + len, items, n);
    len += n;
    len += sprintf(out + len, "</ListBucketResult>");
    bool good = answer(c, 200, "Content-Type: application/xml\r\n", out, len, false);
    free(out);
    free(items);
    return good;
}

static bool get(Conn *c, const char *head, const char *key, bool head_only) {
    pthread_mutex_lock(&lock);
    Object *o = find(key);
    if (!o) {
        pthread_mutex_unlock(&lock);
        const char *no = "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>";
        return answer(c, 404, "Content-Type: application/xml\r\n", no, strlen(no), head_only);
    }
    Body *b = o->body;
    __sync_add_and_fetch(&b->refs, 1);
    char etag[48];
    strcpy(etag, o->etag);
    pthread_mutex_unlock(&lock);
    size_t first = 0, end = b->size;
    char range[64], extra[512], within[128] = "";
    bool ranged = header(head, "range", range, sizeof range) && !strncmp(range, "bytes=", 6);
    if (ranged) {
        char *dash;
        first = strtoull(range + 6, &dash, 10);
        if (isdigit((unsigned char)dash[1])) end = strtoull(dash + 1, NULL, 10) + 1;
        if (end > b->size) end = b->size;
        if (first > end) first = end;
        snprintf(within, sizeof within, "Content-Range: bytes %zu-%zu/%zu\r\n", first, end - 1, b->size);
    }
    snprintf(extra, sizeof extra,
             "%sETag: \"%s\"\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\n",
             within, etag, DATE);
    int status = ranged ? 206 : 200;
    bool whole = head_only || b->count <= 1;
    const char *data = b->count ? b->segments[0].data + first : "";
    bool good = whole ? answer(c, status, extra, data, end - first, head_only)
                      : answer_from(c, status, extra, b, first, end);
    unref(b);
    return good;
}

static Upload *upload(const char *id) {
    for (Upload *u = uploads; u; u = u->next)
        if (u->id == atoi(id)) return u;
    return NULL;
}

static bool complete(Conn *c, const char *key, Upload *u) {
    Body *whole = calloc(1, sizeof *whole);
    whole->refs = 1;
    int parts = 0;
    for (int i = 1; i <= 10000; i++) {
        Body *part = u->parts[i];
        if (!part) continue;
        for (size_t k = 0; k < part->count; k++) add_segment(whole, part->segments[k]);
        part->count = 0; /* they are the whole's now */
        unref(part);
        u->parts[i] = NULL;
        parts++;
    }
    char etag[48], body[512];
    store(key, whole, parts, etag);
    int n = snprintf(body, sizeof body,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUploadResult><Bucket>bench</Bucket><Key>k</Key>"
                     "<ETag>&quot;%s&quot;</ETag></CompleteMultipartUploadResult>",
                     etag);
    return answer(c, 200, "Content-Type: application/xml\r\n", body, n, false);
}

static bool serve(Conn *c) {
    char *end;
    while (!(end = strstr(c->in, "\r\n\r\n")))
        if (!more(c)) return false;
    size_t n = end + 4 - c->in;
    char head[HEAD_MAX], method[16], target[16384], text[64], value[256];
    memcpy(head, c->in, n - 2);
    head[n - 2] = 0;
    memmove(c->in, c->in + n, c->have - n + 1);
    c->have -= n;
    if (sscanf(head, "%15s %16383s", method, target) != 2) return false;
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    else query = "";
    unquote(target);
    char *key = strchr(target + 1, '/');
    key = key ? key + 1 : "";
    size_t length = header(head, "content-length", text, sizeof text) ? strtoull(text, NULL, 10) : 0;
    bool has_body = length || header(head, "transfer-encoding", text, sizeof text);
    if (header(head, "expect", text, sizeof text) && !write_all(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return false;
    Body *body = NULL;
    if (has_body || !strcmp(method, "PUT")) {
        body = read_body(c, head, length);
        if (!body) return false;
    }
    char etag[48], extra[256];
    if (!strcmp(method, "PUT")) {
        if (!*key) return answer(c, 200, "", "", 0, false);
        if (param(query, "uploadId", value, sizeof value)) {
            int number = param(query, "partNumber", text, sizeof text) ? atoi(text) : 0;
            pthread_mutex_lock(&lock);
            Upload *u = upload(value);
            if (u && number > 0 && number <= 10000) {
                unref(u->parts[number]);
                u->parts[number] = body;
            }
            pthread_mutex_unlock(&lock);
            snprintf(extra, sizeof extra, "ETag: \"%032d\"\r\n", number);
            return answer(c, 200, extra, "", 0, false);
        }
        store(key, body, 0, etag);
        snprintf(extra, sizeof extra, "ETag: \"%s\"\r\n", etag);
        return answer(c, 200, extra, "", 0, false);
    }
    if (!strcmp(method, "GET") || !strcmp(method, "HEAD")) {
        bool head_only = *method == 'H';
        if (*key) return get(c, head, key, head_only);
        if (head_only) return answer(c, 200, "", "", 0, true);
        if (param(query, "location", value, sizeof value)) {
            const char *where = "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>";
            return answer(c, 200, "", where, strlen(where), false);
        }
        return list(c, query);
    }
    if (!strcmp(method, "POST")) {
        if (param(query, "uploads", value, sizeof value)) {
            Upload *u = calloc(1, sizeof *u);
            pthread_mutex_lock(&lock);
            u->id = next_upload++;
            u->next = uploads;
            uploads = u;
            pthread_mutex_unlock(&lock);
            char made[512];
            int m = snprintf(made, sizeof made,
                             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult><Bucket>bench</Bucket>"
                             "<Key>k</Key><UploadId>%d</UploadId></InitiateMultipartUploadResult>",
                             u->id);
            return answer(c, 200, "Content-Type: application/xml\r\n", made, m, false);
        }
        if (param(query, "uploadId", value, sizeof value)) {
            pthread_mutex_lock(&lock);
            Upload *u = upload(value);
            pthread_mutex_unlock(&lock);
            unref(body);
            return u ? complete(c, key, u) : answer(c, 404, "", "", 0, false);
        }
        for (char *at = body->segments[0].data; (at = strstr(at, "<Key>")); at++) {
            char *stop = strstr(at, "</Key>");
            if (!stop) break;
            *stop = 0;
            drop(at + 5);
            at = stop;
        }
        unref(body);
        const char *done = "<DeleteResult/>";
        return answer(c, 200, "Content-Type: application/xml\r\n", done, strlen(done), false);
    }
    if (!strcmp(method, "DELETE")) {
        drop(key);
        return answer(c, 204, "", "", 0, true);
    }
    return answer(c, 405, "", "", 0, false);
}

static void *talk(void *ssl) {
    Conn *c = calloc(1, sizeof *c);
    c->ssl = ssl;
    if (SSL_accept(c->ssl) == 1)
        while (serve(c)) continue;
    int fd = SSL_get_fd(c->ssl);
    SSL_free(c->ssl);
    close(fd);
    free(c);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 4) return fprintf(stderr, "usage: server CERT KEY DELAY_MS\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    delay_ms = atoi(argv[3]);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    /* Clients name different ones first; everybody is measured with the same. */
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    if (SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        return fprintf(stderr, "no certificate\n"), 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof here;
    if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&here, &size))
        return perror("listen"), 1;
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&small, 512 << 10);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        SSL *ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        pthread_t thread;
        if (pthread_create(&thread, &small, talk, ssl)) SSL_free(ssl), close(fd);
    }
}

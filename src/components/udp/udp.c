/* Opening UDP sockets. */
#include "components/udp/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 1 << 20, SEND_BYTES = 256 << 10 };

struct address {
    char host[256], port[8];
};

static bool is_port(const char *text)
{
    uint32_t value = 0;

    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || value > 65535)
            return false;
        value = value * 10 + (uint32_t)(*at - '0');
    }
    return value > 0 && value <= 65535;
}

static int split(const char *url, struct address *ret, struct tt_error *err)
{
    const char *host = strstr(url, "://"), *end, *port;

    if (!host || (strncmp(url, "rtp://", 6) != 0 && strncmp(url, "udp://", 6) != 0))
        return tt_fail(err, -EINVAL, "'%s' is no address like rtp://127.0.0.1:5004", url);
    host += 3;
    end = host[0] == '[' ? strchr(host, ']') : strrchr(host, ':');
    port = end ? strrchr(end, ':') : NULL;
    if (host[0] == '[')
        host++;
    if (!end || !port || end == host || (size_t)(end - host) >= sizeof(ret->host) ||
        strlen(port + 1) >= sizeof(ret->port) || !is_port(port + 1))
        return tt_fail(err, -EINVAL, "'%s' needs a host and a port, like rtp://127.0.0.1:5004",
                       url);
    memcpy(ret->host, host, (size_t)(end - host));
    ret->host[end - host] = 0;
    memcpy(ret->port, port + 1, strlen(port + 1) + 1);
    return 0;
}

int udp_check(const char *url, struct tt_error *err)
{
    struct address address;

    return split(url, &address, err);
}

static int find(const char *url, struct addrinfo **ret, struct tt_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct address address;
    int r = split(url, &address, err);

    if (r < 0)
        return r;
    r = getaddrinfo(address.host, address.port, &hints, ret);
    if (r != 0)
        return tt_fail(err, -EHOSTUNREACH, "cannot find the host of '%s': %s", url,
                       gai_strerror(r));
    return 0;
}

static bool is_multicast(const struct addrinfo *found)
{
    if (found->ai_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(
            &((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr);
    return IN_MULTICAST(
        ntohl(((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr.s_addr));
}

static int interface_number(const char *interface)
{
    return interface[0] ? (int)if_nametoindex(interface) : 0;
}

/* An IPv4 interface by address or name. */
static struct ip_mreqn interface_of(const char *interface)
{
    struct ip_mreqn ret = {.imr_ifindex = interface_number(interface)};

    if (ret.imr_ifindex == 0 && interface[0])
        (void)inet_pton(AF_INET, interface, &ret.imr_address);
    return ret;
}

static int join(int fd, const struct addrinfo *found, const char *interface)
{
    if (found->ai_family == AF_INET6) {
        struct ipv6_mreq group = {
            .ipv6mr_multiaddr =
                ((const struct sockaddr_in6 *)(const void *)found->ai_addr)->sin6_addr,
            .ipv6mr_interface = (unsigned)interface_number(interface)};

        return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group));
    }
    struct ip_mreqn group = interface_of(interface);

    group.imr_multiaddr = ((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

static int open_socket(const struct addrinfo *found, int buffer, int bytes)
{
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* As much as the system gives. */
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, buffer, &bytes, sizeof(bytes));
    return fd;
}

int udp_open_in(const char *url, const char *interface, struct tt_error *err)
{
    struct addrinfo *found = NULL;
    int fd, yes = 1, r = find(url, &found, err);

    if (r < 0)
        return r;
    fd = open_socket(found, SO_RCVBUF, RECEIVE_BYTES);
    r = fd < 0 ? -1 : 0;
    if (r == 0 && is_multicast(found))
        r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (r == 0)
        r = setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes));
    if (r == 0)
        r = setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &yes, sizeof(yes));
    if (r == 0)
        r = bind(fd, found->ai_addr, found->ai_addrlen);
    if (r == 0 && is_multicast(found))
        r = join(fd, found, interface);
    if (r < 0) {
        r = tt_fail(err, -errno, "cannot receive at '%s': %s", url, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        fd = r;
    }
    freeaddrinfo(found);
    return fd;
}

static int set_multicast(int fd, int family, const char *interface, int hops)
{
    if (family == AF_INET6) {
        int number = interface_number(interface);

        if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0)
            return -1;
        return number ? setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number, sizeof(number))
                      : 0;
    }
    struct ip_mreqn from = interface_of(interface);

    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) < 0)
        return -1;
    return interface[0] ? setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) : 0;
}

int udp_open_out(const char *url, const char *interface, uint32_t hops, struct tt_error *err)
{
    struct addrinfo *found = NULL;
    int fd, r = find(url, &found, err);

    if (r < 0)
        return r;
    fd = open_socket(found, SO_SNDBUF, SEND_BYTES);
    r = fd < 0 ? -1 : 0;
    if (r == 0 && is_multicast(found))
        r = set_multicast(fd, found->ai_family, interface, (int)hops);
    if (r == 0)
        r = connect(fd, found->ai_addr, found->ai_addrlen);
    if (r < 0) {
        r = tt_fail(err, -errno, "cannot send to '%s': %s", url, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        fd = r;
    }
    freeaddrinfo(found);
    return fd;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Network addresses: text to socket address and back. No name is ever looked up. */
#include "host/host_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
	uint64_t n;

	if (!hf_str_u64(hf_str(text), 65535, &n) || n == 0)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool parse_unix(const char *path, struct hf_endpoint *endpoint, struct hf_note *why)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&endpoint->sa;

	if (path[0] != '/' || strlen(path) >= sizeof(un->sun_path)) {
		hf_note_add(why,
			    "address \"unix:%s\": expected an absolute path of at most %zu octets",
			    path, sizeof(un->sun_path) - 1);
		return false;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	endpoint->size = sizeof(*un);
	return true;
}

bool hf_endpoint_parse(const char *text, struct hf_endpoint *endpoint, struct hf_note *why)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->sa;
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t size;
	uint16_t port;

	memset(endpoint, 0, sizeof(*endpoint));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, endpoint, why);
	size = colon ? (size_t)(colon - text) : 0;
	if (!colon || !size || size >= sizeof(host) || !parse_port(colon + 1, &port))
		goto wrong;
	memcpy(host, text, size);
	host[size] = '\0';
	if (strcmp(host, "*") == 0) {
		endpoint->any = true;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		v6->sin6_addr = in6addr_any;
		endpoint->size = sizeof(*v6);
		return true;
	}
	if (host[0] == '[' && host[size - 1] == ']') {
		host[size - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		endpoint->size = sizeof(*v6);
		if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1)
			return true;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		endpoint->size = sizeof(*v4);
		if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
			return true;
	}
wrong:
	hf_note_add(
		why,
		"address \"%s\": expected \"127.0.0.1:143\", \"[::1]:143\", \"*:143\" or \"unix:/path\"",
		text);
	return false;
}

/* The IPv4 address that an IPv6 one stands for, or NULL. */
static const struct in_addr *mapped(const struct sockaddr_in6 *v6)
{
	return IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)
		       ? (const struct in_addr *)(const void *)&v6->sin6_addr.s6_addr[12]
		       : NULL;
}

static const struct in_addr *ipv4_of(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET)
		return &((const struct sockaddr_in *)sa)->sin_addr;
	return sa->ss_family == AF_INET6 ? mapped((const struct sockaddr_in6 *)sa) : NULL;
}

void hf_endpoint_text(const struct sockaddr_storage *sa, char *address, size_t address_size,
		      char *port, size_t port_size)
{
	const struct in_addr *v4 = ipv4_of(sa);
	uint16_t number = sa->ss_family == AF_INET ? ((const struct sockaddr_in *)sa)->sin_port
						   : ((const struct sockaddr_in6 *)sa)->sin6_port;

	if (v4)
		inet_ntop(AF_INET, v4, address, (socklen_t)address_size);
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, address,
			  (socklen_t)address_size);
	snprintf(port, port_size, "%s;%u", address, ntohs(number));
}

bool hf_endpoint_is_loopback(const struct sockaddr_storage *sa)
{
	const struct in_addr *v4 = ipv4_of(sa);

	if (v4)
		return (ntohl(v4->s_addr) >> 24) == 127;
	return sa->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

size_t hf_endpoint_group(const struct sockaddr_storage *sa, uint8_t *key)
{
	const struct in_addr *v4 = ipv4_of(sa);

	if (v4) {
		memcpy(key, v4, 4);
		return 4;
	}
	memcpy(key, &((const struct sockaddr_in6 *)sa)->sin6_addr, 8);
	return 8;
}

bool hf_network_parse(const char *text, struct hf_network *network)
{
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN], *end;
	unsigned most = 128, first = 0;
	unsigned long bits;

	memset(network, 0, sizeof(*network));
	if (size >= sizeof(address))
		return false;
	memcpy(address, text, size);
	address[size] = '\0';
	if (inet_pton(AF_INET, address, network->bytes + 12) == 1) {
		memset(network->bytes + 10, 0xff, 2);
		most = 32;
		first = 96;
	} else if (inet_pton(AF_INET6, address, network->bytes) != 1) {
		return false;
	}
	network->bits = first + most;
	if (!slash)
		return true;
	if (slash[1] < '0' || slash[1] > '9')
		return false;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || bits > most)
		return false;
	network->bits = first + (unsigned)bits;
	return true;
}

bool hf_network_has(const struct hf_network *network, const struct sockaddr_storage *sa)
{
	uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };
	const struct in_addr *v4 = ipv4_of(sa);
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	if (v4)
		memcpy(bytes + 12, v4, 4);
	else
		memcpy(bytes, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	return memcmp(bytes, network->bytes, whole) == 0 &&
	       (!rest || (bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0);
}

// SPDX-License-Identifier: BSD-2-Clause
// One imapflow connection, led by lines of JSON on standard input: {"call": method, "args": [...]} is answered by {"result": ...} or
// {"error": ...}, in order; what comes unasked is told as {"event": name, ...}, and each protocol line that imapflow logs as {"log": "C: ..."}.
// The first line is {"connect": options}.
'use strict';

const readline = require('readline');
const { ImapFlow } = require('imapflow');

const EVENTS = ['exists', 'expunge', 'flags', 'close', 'mailboxOpen', 'mailboxClose'];

function plain(key, value) {
    if (typeof value === 'bigint') {
        return value.toString();
    }
    if (value instanceof Set) {
        return [...value];
    }
    if (value instanceof Map) {
        return Object.fromEntries(value);
    }
    if (value && value.type === 'Buffer') {
        return Buffer.from(value.data).toString('latin1');
    }
    return value;
}

function tell(what) {
    process.stdout.write(JSON.stringify(what, plain) + '\n');
}

function log(entry) {
    if (entry && (entry.src === 'c' || entry.src === 's') && typeof entry.msg === 'string') {
        tell({ log: `${entry.src.toUpperCase()}: ${entry.msg}` });
    }
}

async function main() {
    let client;
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const request = JSON.parse(line);
        try {
            let result;
            if (request.connect) {
                const logger = { trace() {}, debug: log, info: log, warn: log, error: log };
                client = new ImapFlow({ ...request.connect, logger });
                for (const event of EVENTS) {
                    client.on(event, data => tell({ event, data }));
                }
                client.on('error', error => tell({ event: 'error', data: String(error) }));
                await client.connect();
                result = { capabilities: [...client.capabilities.keys()], enabled: client.enabled };
            } else if (request.call === 'idle') {
                // Ends when the next command comes, so nobody waits for it here.
                client.idle().catch(error => tell({ event: 'error', data: String(error) }));
            } else {
                // Numbers that JSON cannot hold come as {"big": "digits"}.
                const args = JSON.parse(JSON.stringify(request.args || []), (key, value) =>
                    value && typeof value === 'object' && 'big' in value ? BigInt(value.big) : value
                );
                result = await client[request.call](...args);
            }
            tell({ result: result === undefined ? null : result });
        } catch (error) {
            tell({ error: String(error), response: error.responseText || null });
        }
    }
    if (client) {
        client.close();
    }
}

main().catch(error => {
    tell({ error: String(error) });
    process.exit(1);
});

// Smoke test with redis (node-redis): node-redis.js HOST PORT [handshake].
// KULA_CLIENT names the package, so that two versions share this file.
const { createClient } = require(process.env.KULA_CLIENT || 'redis');
const [host, port] = [process.argv[2], Number(process.argv[3])];
const only_handshake = process.argv.includes('handshake');
let passed = 0;
let failed = 0;

function check(name, condition) {
  if (condition) {
    passed++;
  } else {
    failed++;
    console.log('FAILED', name);
  }
}

async function error_of(promise) {
  try {
    await promise;
    return '';
  } catch (error) {
    return error.message || error.constructor.name;
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function basics(redis, tag) {
  check(`${tag} set`, (await redis.set('nr:a', '1')) === 'OK');
  check(`${tag} get`, (await redis.get('nr:a')) === '1');
  const binary = Buffer.from([...Array(256).keys()]);
  await redis.set('nr:b', binary);
  check(`${tag} length`, (await redis.strLen('nr:b')) === 256);
  check(`${tag} nothing`, (await redis.get('nr:none')) === null);
  await redis.set('nr:o', 'v', { EX: 100 });
  check(`${tag} ttl`, (await redis.ttl('nr:o')) >= 98);
  check(`${tag} nx`, (await redis.set('nr:o', 'v', { NX: true })) === null);
  await redis.set('nr:t', 'x', { PX: 60 });
  await pause(200);
  check(`${tag} expired`, (await redis.get('nr:t')) === null);
  await redis.mSet([['nr:m1', 'a'], ['nr:m2', 'b']]);
  check(`${tag} mget`,
    JSON.stringify(await redis.mGet(['nr:m1', 'nr:none', 'nr:m2'])) ===
    '["a",null,"b"]');
  await redis.del('nr:n');
  check(`${tag} incr`, (await redis.incrBy('nr:n', 5)) === 5);
}

async function together(redis, other, tag) {
  const replies = await Promise.all([...Array(2000).keys()].map(
    (i) => redis.set(`nr:p:${i}`, String(i))));
  check(`${tag} pipeline`, replies.every((reply) => reply === 'OK'));
  const done = await redis.multi().get('nr:p:1').incr('nr:p:1').exec();
  check(`${tag} transaction`, done[0] === '1' && done[1] === 2);
  await redis.watch('nr:w');
  await other.set('nr:w', 'x');
  check(`${tag} watch`,
    (await error_of(redis.multi().set('nr:w', 'mine').exec())) !== '');
  const seen = new Set();
  for await (const keys of redis.scanIterator({ MATCH: 'nr:p:*', COUNT: 100 })) {
    [].concat(keys).forEach((key) => seen.add(key));
  }
  check(`${tag} scan`, seen.size === 2000);
  check(`${tag} unlink`, (await redis.unlink([...seen])) === 2000);
}

async function server(redis, other, tag) {
  check(`${tag} an error`,
    (await error_of(redis.incr('nr:m1'))).startsWith('ERR value'));
  check(`${tag} unknown command`,
    (await error_of(redis.sendCommand(['NOSUCH', 'x'])))
      .startsWith("ERR unknown command 'NOSUCH'"));
  check(`${tag} info`, (await redis.info()).includes('redis_version:'));
  check(`${tag} config`,
    (await redis.configGet('maxmemory-policy'))['maxmemory-policy'] ===
    'noeviction');
  const id = await redis.sendCommand(['CLIENT', 'ID']);
  check(`${tag} kill`,
    (await other.sendCommand(['CLIENT', 'KILL', 'ID', String(id)])) === 1);
  await pause(300);
  check(`${tag} reconnect`, (await redis.get('nr:m1')) === 'a');
  check(`${tag} another connection`,
    (await redis.sendCommand(['CLIENT', 'ID'])) !== id);
  check(`${tag} name`, (await redis.sendCommand(['CLIENT', 'GETNAME'])) === 'nr');
}

async function session(RESP) {
  const tag = `resp${RESP}`;
  const options = { socket: { host, port }, name: 'nr', database: 5, RESP };
  const redis = createClient(options);
  redis.on('error', () => {});
  await redis.connect();
  check(`${tag} ping`, (await redis.ping()) === 'PONG');
  if (!only_handshake) {
    const other = createClient({ ...options, name: 'other' });
    other.on('error', () => {});
    await other.connect();
    await basics(redis, tag);
    await together(redis, other, tag);
    await server(redis, other, tag);
    await other.close();
  }
  await redis.close();
}

async function main() {
  await session(2);
  await session(3);
  console.log(`${passed} passed, ${failed} failed`);
}

main().catch((error) => {
  console.log('FAILED', error);
  console.log(`${passed} passed, ${failed + 1} failed`);
  process.exit(1);
});

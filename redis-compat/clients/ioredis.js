// Smoke test with ioredis: ioredis.js HOST PORT [handshake].
// KULA_CLIENT names the package, so that two versions share this file.
const module_name = process.env.KULA_CLIENT || 'ioredis';
const imported = require(module_name);
const Redis = imported.default || imported.Redis || imported;
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
    return error.message;
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function basics(redis) {
  const binary = Buffer.from([...Array(256).keys()]);
  check('set', (await redis.set('io:a', 1)) === 'OK');
  check('get', (await redis.get('io:a')) === '1');
  await redis.set('io:b', binary);
  check('binary', binary.equals(await redis.getBuffer('io:b')));
  check('nothing', (await redis.get('io:none')) === null);
  check('nx', (await redis.set('io:a', 2, 'EX', 100, 'NX')) === null);
  await redis.set('io:o', 'v', 'EX', 100);
  check('ttl', (await redis.ttl('io:o')) >= 98);
  await redis.set('io:t', 'x', 'PX', 60);
  await pause(200);
  check('expired', (await redis.get('io:t')) === null);
  await redis.mset({ 'io:m1': 'a', 'io:m2': 'b' });
  check('mget', JSON.stringify(await redis.mget('io:m1', 'io:none', 'io:m2')) ===
    '["a",null,"b"]');
  check('incr', (await redis.incrby('io:n', 5)) === 5);
  check('float', Number(await redis.incrbyfloat('io:f', 1.5)) === 1.5);
}

async function together(redis, other) {
  const pipe = redis.pipeline();
  for (let i = 0; i < 2000; i++) pipe.set(`io:p:${i}`, i);
  const replies = await pipe.exec();
  check('pipeline', replies.every(([error, ok]) => !error && ok === 'OK'));
  const all = await Promise.all(
    [...Array(500).keys()].map((i) => redis.get(`io:p:${i}`)));
  check('many at once', all.every((value, i) => value === String(i)));
  const done = await redis.multi().get('io:p:1').incr('io:p:1').exec();
  check('transaction', done[0][1] === '1' && done[1][1] === 2);
  await redis.watch('io:w');
  await other.set('io:w', 'x');
  check('watch', (await redis.multi().set('io:w', 'mine').exec()) === null);
  const seen = new Set();
  for await (const keys of redis.scanStream({ match: 'io:p:*', count: 100 })) {
    keys.forEach((key) => seen.add(key));
  }
  check('scan', seen.size === 2000);
  check('unlink', (await redis.unlink(...seen)) === 2000);
}

async function server(redis, other) {
  check('an error', (await error_of(redis.incr('io:b'))).startsWith('ERR value'));
  check('unknown command', (await error_of(redis.call('NOSUCH', 'x')))
    .startsWith("ERR unknown command 'NOSUCH'"));
  check('aborted', (await error_of(
    redis.multi({ pipeline: false }).then(async () => {
      await error_of(redis.call('GET'));
      return redis.exec();
    }))).startsWith('EXECABORT'));
  check('info', (await redis.info()).includes('redis_version:'));
  check('config', JSON.stringify(await redis.config('GET', 'maxmemory-policy'))
    .includes('noeviction'));
  check('client', (await redis.client('GETNAME')) === 'io');
  const id = await redis.client('ID');
  check('kill', (await other.client('KILL', 'ID', id)) === 1);
  await pause(200);
  check('reconnect', (await redis.get('io:m1')) === 'a');
  check('another connection', (await redis.client('ID')) !== id);
  check('database', (await redis.select(4)) === 'OK' &&
    (await redis.get('io:m1')) === null);
}

async function main() {
  const options = { host, port, connectionName: 'io', maxRetriesPerRequest: 5 };
  const redis = new Redis(options);
  redis.on('error', () => {});
  check('ping', (await redis.ping()) === 'PONG');
  check('ready', redis.status === 'ready');
  if (!only_handshake) {
    const other = new Redis({ host, port });
    await basics(redis);
    await together(redis, other);
    await server(redis, other);
    await other.quit();
  }
  await redis.quit();
  console.log(`${passed} passed, ${failed} failed`);
}

main().catch((error) => {
  console.log('FAILED', error);
  console.log(`${passed} passed, ${failed + 1} failed`);
  process.exit(1);
});

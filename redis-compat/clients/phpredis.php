<?php
// Smoke test with phpredis: phpredis.php HOST PORT [handshake].
[$me, $host, $port] = $argv;
$passed = $failed = 0;

function check($name, $condition)
{
    global $passed, $failed;
    if ($condition) { $passed++; return; }
    $failed++;
    echo "FAILED $name\n";
}

function throws($text, $call)
{
    try { $call(); } catch (RedisException $error) {
        return strpos($error->getMessage(), $text) !== false;
    }
    return false;
}

$redis = new Redis();
check('connect', $redis->connect($host, (int)$port, 2));
check('ping', $redis->ping());
if (!in_array('handshake', $argv)) {
    $binary = implode('', array_map('chr', range(0, 255)));
    check('select', $redis->select(0));
    check('set', $redis->set('php:a', '1') && $redis->get('php:a') === '1');
    check('binary', $redis->set("php:\0\xff", $binary)
        && $redis->get("php:\0\xff") === $binary);
    check('nothing', $redis->get('php:none') === false);
    check('options', $redis->set('php:o', 'v', ['nx', 'ex' => 100])
        && !$redis->set('php:o', 'v', ['nx']) && $redis->ttl('php:o') >= 98);
    check('expiry', $redis->psetex('php:t', 60, 'x'));
    usleep(200000);
    check('expired', $redis->get('php:t') === false);
    check('mset', $redis->mset(['php:m1' => 'a', 'php:m2' => 'b'])
        && $redis->mget(['php:m1', 'php:none', 'php:m2']) === ['a', false, 'b']);
    check('incr', $redis->incrBy('php:n', 5) === 5
        && $redis->decr('php:n') === 4);
    check('float', abs($redis->incrByFloat('php:f', 1.5) - 1.5) < 1e-9);
    check('append', $redis->append('php:m1', 'bc') === 3
        && $redis->getRange('php:m1', 1, 2) === 'bc');
    check('type', $redis->type('php:a') === Redis::REDIS_STRING);
    check('exists', $redis->exists('php:a', 'php:none') === 1);
    $pipe = $redis->multi(Redis::PIPELINE);
    for ($i = 0; $i < 1000; $i++) { $pipe->set("php:p:$i", "$i"); }
    check('pipeline', count(array_filter($pipe->exec())) === 1000);
    check('transaction', $redis->multi()->get('php:p:1')->incr('php:p:1')
        ->exec() === ['1', 2]);
    $other = new Redis();
    $other->connect($host, (int)$port);
    $redis->watch('php:w');
    $other->set('php:w', 'x');
    check('watch', $redis->multi()->set('php:w', 'mine')->exec() === false);
    $redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $seen = [];
    $cursor = null;
    while ($keys = $redis->scan($cursor, 'php:p:*', 100)) {
        foreach ($keys as $key) { $seen[$key] = true; }
    }
    check('scan', count($seen) === 1000);
    check('delete', $redis->del(array_keys($seen)) === 1000);
    check('an error', $redis->incr('php:m1') === false
        && strpos($redis->getLastError(), 'not an integer') !== false);
    $redis->clearLastError();
    check('unknown command', $redis->rawCommand('NOSUCH', 'x') === false
        && strpos($redis->getLastError(), 'unknown command') !== false);
    check('info', isset($redis->info()['redis_version'])
        && isset($redis->info('memory')['maxmemory_policy']));
    check('config', $redis->config('GET', 'maxmemory-policy')
        ['maxmemory-policy'] === 'noeviction');
    check('auth', throws('without any password',
        function () use ($redis) { $redis->auth('x'); })
        || strpos($redis->getLastError() ?? '', 'password') !== false);
    $redis->clearLastError();
    check('client', $redis->client('setname', 'php')
        && $redis->client('getname') === 'php');
    $id = $redis->client('id');
    $other->rawCommand('CLIENT', 'KILL', 'ID', $id);
    usleep(50000);
    try { $again = $redis->ping(); } catch (RedisException $e) {
        $again = $redis->connect($host, (int)$port) && $redis->ping();
    }
    check('reconnect', $again && $redis->client('id') !== $id);
    check('session handler', session_test($host, $port));
}

// PHP's own sessions: GET, SETEX and the lock's SET NX.
function session_test($host, $port)
{
    ini_set('session.save_handler', 'redis');
    ini_set('session.save_path', "tcp://$host:$port?database=2");
    ini_set('session.use_cookies', '0');
    ini_set('session.cache_limiter', '');
    session_id('smoketest');
    if (!@session_start()) { return false; }
    $_SESSION['answer'] = 42;
    session_write_close();
    $_SESSION = [];
    session_id('smoketest');
    @session_start();
    $answer = $_SESSION['answer'] ?? null;
    session_destroy();
    return $answer === 42;
}

echo "$passed passed, $failed failed\n";

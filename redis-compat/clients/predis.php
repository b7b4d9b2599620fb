<?php
// Smoke test with Predis: predis.php HOST PORT [handshake].
foreach (['/usr/share/php/Predis/Autoloader.php',
          '/usr/share/php/Predis/autoload.php'] as $file) {
    if (is_file($file)) { require $file; break; }
}
if (class_exists('Predis\Autoloader')) { Predis\Autoloader::register(); }
[$me, $host, $port] = $argv;
$passed = $failed = 0;

function check($name, $condition)
{
    global $passed, $failed;
    if ($condition) { $passed++; return; }
    $failed++;
    echo "FAILED $name\n";
}

function error_of($call)
{
    try { $call(); } catch (Predis\Response\ServerException $error) {
        return $error->getErrorType() . '|' . $error->getMessage();
    }
    return '';
}

$options = ['host' => $host, 'port' => (int)$port];
$redis = new Predis\Client($options + ['database' => 1]);
check('ping', (string)$redis->ping() === 'PONG');
if (!in_array('handshake', $argv)) {
    $binary = implode('', array_map('chr', range(0, 255)));
    check('set', (string)$redis->set('pre:a', '1') === 'OK'
        && $redis->get('pre:a') === '1');
    check('binary', $redis->set("pre:\0\xff", $binary)
        && $redis->get("pre:\0\xff") === $binary);
    check('nothing', $redis->get('pre:none') === null);
    check('options', $redis->set('pre:o', 'v', 'EX', 100, 'NX')
        && $redis->set('pre:o', 'v', 'EX', 100, 'NX') === null
        && $redis->ttl('pre:o') >= 98);
    $redis->psetex('pre:t', 60, 'x');
    usleep(200000);
    check('expired', $redis->get('pre:t') === null);
    $redis->mset(['pre:m1' => 'a', 'pre:m2' => 'b']);
    check('mget', $redis->mget('pre:m1', 'pre:none', 'pre:m2')
        === ['a', null, 'b']);
    check('incr', $redis->incrby('pre:n', 5) === 5);
    $replies = $redis->pipeline(function ($pipe) {
        for ($i = 0; $i < 1000; $i++) { $pipe->set("pre:p:$i", "$i"); }
    });
    check('pipeline', count($replies) === 1000);
    check('transaction', $redis->transaction(function ($tx) {
        $tx->get('pre:p:1');
        $tx->incr('pre:p:1');
    }) === ['1', 2]);
    $other = new Predis\Client($options + ['database' => 1]);
    $redis->watch('pre:w');
    $other->set('pre:w', 'x');
    $redis->multi();
    $redis->set('pre:w', 'mine');
    check('watch', $redis->exec() === null);
    $seen = [];
    foreach (new Predis\Collection\Iterator\Keyspace($redis, 'pre:p:*') as $key) {
        $seen[$key] = true;
    }
    check('scan', count($seen) === 1000);
    check('delete', $redis->del(array_keys($seen)) === 1000);
    check('an error', strpos(error_of(function () use ($redis) {
        $redis->incr('pre:m1');
    }), 'ERR|') === 0);
    check('unknown command', strpos(error_of(function () use ($redis) {
        $redis->executeRaw(['NOSUCH'], $is_error);
        if ($is_error) { throw new Predis\Response\ServerException('ERR x'); }
    }), 'ERR') === 0);
    check('info', isset($redis->info()['Server']['redis_version']));
    check('config', isset($redis->config('GET', 'maxmemory')['maxmemory']));
    check('client', $redis->client('setname', 'pre')
        && $redis->client('getname') === 'pre');
    $again = false;
    try { $redis->executeRaw(['CLIENT', 'KILL', 'TYPE', 'normal',
                              'SKIPME', 'no']); } catch (Exception $e) { }
    try { $redis->ping(); } catch (Predis\Connection\ConnectionException $e) { }
    $redis->disconnect();
    check('reconnect', (string)$redis->ping() === 'PONG');
    check('database after that', $redis->get('pre:a') === '1');
}
echo "$passed passed, $failed failed\n";

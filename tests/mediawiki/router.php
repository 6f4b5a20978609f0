<?php
# PHP's own server asks this for every request: it has no rewriting, and takes a dot in a path for a file.
$program = '/usr/share/mediawiki';
$path = parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
$script = preg_match( '~^/(api|load|index)\.php(?=/|$)~', $path, $found ) ? $found[0] : '/index.php';
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $script;
$_SERVER['SCRIPT_FILENAME'] = $program . $script;
$_SERVER['PATH_INFO'] = str_starts_with( $path, $script ) ? substr( $path, strlen( $script ) ) : '';
chdir( $program );
require $program . $script;

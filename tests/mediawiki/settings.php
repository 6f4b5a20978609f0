<?php
# What the installer does not ask: an https-only wiki behind a proxy, which makes thumbnails of all it can.
# The environment says under which name and in which language it is served.
$wgServer = 'https://' . getenv( 'WIKI_HOST' );
$wgLanguageCode = getenv( 'WIKI_LANGUAGE' );
$wgForceHTTPS = true;
$wgArticlePath = '/wiki/$1';
$wgUsePathInfo = true;
$wgEnableUploads = true;
$wgFileExtensions = array_merge( $wgFileExtensions,
	[ 'svg', 'tif', 'tiff', 'bmp', 'djvu', 'pdf', 'xcf', 'webp' ] );
$wgGroupPermissions['user']['upload'] = true;
$wgRateLimits = [];
$wgUseImageMagick = true;
$wgImageMagickConvertCommand = '/usr/bin/convert';
$wgSVGConverter = 'rsvg';
$wgSVGNativeRendering = false;
$wgTiffThumbnailType = [ 'jpg', 'image/jpeg' ];
$wgDjvuDump = '/usr/bin/djvudump';
$wgDjvuRenderer = '/usr/bin/ddjvu';
$wgDjvuTxt = '/usr/bin/djvutxt';
$wgMaxImageArea = 1e8;
$wgMaxShellMemory = 0;
$wgMaxShellFileSize = 0;
$wgShellLocale = 'C.UTF-8';
$wgMainCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB;
wfLoadExtension( 'PdfHandler' );

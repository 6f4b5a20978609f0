#!/bin/bash
# Installs Debian's MediaWiki, with its data below a directory of its own. Wants Debian 12, and root for apt-get.
#
#     install.sh DIRECTORY [PAGED_TIFF_HANDLER]
#
# DIRECTORY           is made; the wiki's database, uploads and LocalSettings.php go there.
# PAGED_TIFF_HANDLER  a checkout of that extension (branch REL1_39), which Debian has no package of.
#
# Two users, Uploader and Other, have the password of $WIKI_PASSWORD.
set -euo pipefail

directory=$(realpath --canonicalize-missing "$1")
paged_tiff_handler=${2:-}
: "${WIKI_PASSWORD:?}"
here=$(dirname "$(realpath "$0")")
program=/usr/share/mediawiki

packages=(mediawiki php-cli php-sqlite3 php-intl php-mbstring php-xml imagemagick librsvg2-bin
    djvulibre-bin netpbm poppler-utils ghostscript libtiff-tools)
if ! dpkg --status "${packages[@]}" &> /dev/null; then
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${packages[@]}"
fi

mkdir -p "$directory"/{data,images}
php "$program/maintenance/install.php" --confpath "$directory" --dbtype sqlite --dbname wiki \
    --dbpath "$directory/data" --server https://stash.test --scriptpath "" --pass "$WIKI_PASSWORD" Stash Uploader
{
    echo "\$wgUploadDirectory = '$directory/images';"
    echo "\$wgCacheDirectory = '$directory/data';"
    if [[ -n $paged_tiff_handler ]]; then
        echo "wfLoadExtension( 'PagedTiffHandler', '$(realpath "$paged_tiff_handler")/extension.json' );"
    fi
    tail --lines +2 "$here/settings.php"
} >> "$directory/LocalSettings.php"
export MW_CONFIG_FILE=$directory/LocalSettings.php WIKI_HOST=stash.test WIKI_LANGUAGE=en
php "$program/maintenance/update.php" --quick
php "$program/maintenance/createAndPromote.php" Other "$WIKI_PASSWORD"

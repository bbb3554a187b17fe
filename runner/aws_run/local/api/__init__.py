"""What the embedded AWS answers itself, an API a file; moto answers the rest."""
